// Runs a sweep of fake stages, under mpirun or not, and prints what became of every case.
//
//   sweep_probe OUT WORKER COUNT MODES [name=value ...]
//
// MODES is a comma list of "use" modes, or "trivial". Options: bytes, timeout, deadline, retries,
// retry_failed, accept_changes, identity, quiet, throw (an exception in the body on rank 0).
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "core/error.hpp"
#include "core/text.hpp"
#include "harness/mpi_transport.hpp"
#include "harness/sweep.hpp"
#include "harness/tests/fake_stages.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

using Options = std::map<std::string, std::string>;

double number(const Options& options, const std::string& name, double otherwise) {
  const auto found = options.find(name);
  return found == options.end() ? otherwise : std::atof(found->second.c_str());
}

void print_case(const Plan& plan, const Case& point, const SweepSummary& summary) {
  std::string line = point.name;
  for (const std::size_t task : point.tasks) {
    const TaskOutcome& outcome = summary.outcomes[task];
    line += fmt::format(" | {} {}", plan.tasks[task].stage, to_string(outcome.outcome));
    if (!outcome.reason.empty()) line += fmt::format(" ({})", outcome.reason);
    for (const auto& [name, value] : outcome.result.metrics) {
      line += fmt::format(" {}={}", name, to_text(value));
    }
  }
  fmt::print("{}\n", line);
}

int run(const std::vector<std::string>& arguments, const Options& options, Transport& transport) {
  StageRegistry registry;
  add_fake_stages(registry);
  const int count = std::atoi(arguments[2].c_str());
  std::vector<std::string> modes;
  for (const std::string_view mode : split(arguments[3], ',')) modes.emplace_back(mode);
  Plan plan =
      modes.front() == "trivial"
          ? trivial_plan(count)
          : fake_plan(count, modes, static_cast<std::int64_t>(number(options, "bytes", 100)));
  for (Case& point : plan.cases) {
    for (const std::size_t task : point.tasks) {
      Values& parameters = plan.tasks[task].parameters;
      const auto mode = parameters.find("mode");
      if (mode != parameters.end() && mode->second == Value("flaky")) {
        parameters["marker"] = fmt::format("{}.marker{}", arguments[0], task);
      }
    }
  }
  if (options.contains("identity")) plan.identity_parts["code"] = options.at("identity");
  for (const auto& [name, value] : plan.identity_parts) plan.identity += value;
  if (options.contains("throw")) throw std::runtime_error("asked to throw on rank 0");
  SweepOptions sweep;
  sweep.out = arguments[0];
  sweep.worker_command = {arguments[1]};
  sweep.timeout_s = number(options, "timeout", 0);
  sweep.deadline_s = number(options, "deadline", 0);
  sweep.retries = static_cast<int>(number(options, "retries", 1));
  sweep.retry_failed = number(options, "retry_failed", 0) > 0;
  sweep.accept_changes = number(options, "accept_changes", 0) > 0;
  sweep.progress = number(options, "progress", 0) > 0;
  sweep.threads = 1;
  const SweepSummary summary = run_sweep(plan, registry, sweep, transport);
  if (!options.contains("quiet")) {
    for (const Case& point : plan.cases) print_case(plan, point, summary);
  }
  for (const std::string& notice : summary.notices) fmt::print("notice: {}\n", notice);
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print(stderr,
             "summary cases={} passed={} failed={} reused={} tasks_run={} tasks_reused={} run={} "
             "generation={} interrupted={} seconds={:.3f} rate={:.0f} rank0_rss_mb={}\n",
             summary.cases, summary.passed, summary.failed, summary.reused, summary.tasks_run,
             summary.tasks_reused, summary.run, summary.generation, summary.interrupted,
             summary.seconds, static_cast<double>(summary.tasks_run) / summary.seconds,
             usage.ru_maxrss / 1024);
  return summary.exit_code;
}

int guarded_run(const std::vector<std::string>& arguments, const Options& options,
                Transport& transport) {
  try {
    return run(arguments, options, transport);
  } catch (const Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return exit_code(error.kind());
  }
}

}  // namespace
}  // namespace wbs::harness

int main(int argc, char** argv) {
  using namespace wbs::harness;
  std::vector<std::string> arguments;
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equal = argument.find('=');
    if (equal == std::string::npos) {
      arguments.push_back(argument);
    } else {
      options[argument.substr(0, equal)] = argument.substr(equal + 1);
    }
  }
  if (arguments.size() != 4) return 64;
  std::unique_ptr<Transport> transport;
  if (started_by_mpi_launcher()) {
    transport = std::make_unique<MpiTransport>(&argc, &argv);
  } else {
    transport = std::make_unique<LocalTransport>();
  }
  try {
    return with_ranks(*transport, [&] { return guarded_run(arguments, options, *transport); });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "exception: %s\n", error.what());
    return 70;
  }
}
