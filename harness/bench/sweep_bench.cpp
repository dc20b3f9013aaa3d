// What the engine itself costs: sweeps of stages that do nothing.
//
//   mpirun -n 4 --oversubscribe harness_sweep_bench WORKER OUT [CASES [REPEATS]]
//
// Prints one line per repetition and the median: cases per second, microseconds of scheduling per
// stage (wall time of the run times nothing else to do), and the peak memory of rank 0.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "core/error.hpp"
#include "harness/mpi_transport.hpp"
#include "harness/sweep.hpp"
#include "harness/tests/fake_stages.hpp"

namespace {

using namespace wbs::harness;

int bench(int argc, char** argv, Transport& transport) {
  if (argc < 3) {
    fmt::print(stderr, "usage: {} WORKER OUT [CASES [REPEATS]]\n", argv[0]);
    return 2;
  }
  const int cases = argc > 3 ? std::atoi(argv[3]) : 10000;
  const int repeats = argc > 4 ? std::atoi(argv[4]) : 3;
  StageRegistry registry;
  add_fake_stages(registry);
  const Plan plan = trivial_plan(cases);
  std::vector<double> rates;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    SweepOptions options;
    options.out = fmt::format("{}/{}", argv[2], repeat);
    std::filesystem::remove_all(options.out);
    options.worker_command = {argv[1]};
    options.progress = false;
    const SweepSummary summary = run_sweep(plan, registry, options, transport);
    if (summary.passed != plan.cases.size()) return 1;  // no figure without a check
    const SweepSummary again = run_sweep(plan, registry, options, transport);
    if (again.reused != plan.cases.size()) return 1;
    rates.push_back(static_cast<double>(cases) / summary.seconds);
    struct rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    fmt::print(
        "ranks {} cases {} rate_per_s {:.0f} us_per_stage {:.1f} resume_s {:.3f} rank0_peak_mb "
        "{}\n",
        transport.size(), cases, rates.back(), 1e6 / rates.back(), again.seconds,
        usage.ru_maxrss / 1024);
  }
  std::sort(rates.begin(), rates.end());
  fmt::print("median_rate_per_s {:.0f}\n", rates[rates.size() / 2]);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::unique_ptr<Transport> transport;
  if (started_by_mpi_launcher()) {
    transport = std::make_unique<MpiTransport>(&argc, &argv);
  } else {
    transport = std::make_unique<LocalTransport>();
  }
  try {
    return with_ranks(*transport, [&] { return bench(argc, argv, *transport); });
  } catch (const wbs::Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return wbs::exit_code(error.kind());
  }
}
