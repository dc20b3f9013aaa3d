#include "apps/measure/network_bench.hpp"

namespace wbs::apps {

void measure_network(const BenchRequest& /*request*/, BenchReport& report) {
  report.no_network = "this build has no runtime";
}

}  // namespace wbs::apps
