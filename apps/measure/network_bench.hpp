// The whole network, everything included, on our runtime and on the dense peer.
#pragma once

#include "apps/measure/bench.hpp"

namespace wbs::apps {

/// Sets report.network, or report.no_network with the reason why there are no such times.
void measure_network(const BenchRequest& request, BenchReport& report);

}  // namespace wbs::apps
