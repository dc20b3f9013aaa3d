// wbs-sweep: runs an experiment over MPI ranks and prints its tables.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/paths.hpp"
#include "apps/program.hpp"
#include "apps/stages/register.hpp"
#include "apps/sweep_report.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "harness/expand.hpp"
#include "harness/mpi_transport.hpp"
#include "harness/plan_status.hpp"
#include "harness/sweep.hpp"

namespace wbs::apps {
namespace {

struct Options {
  std::string experiment;
  std::vector<std::string> overrides;
  std::vector<std::string> only;
  bool dry_run = false;
  bool json = false;
  harness::SweepOptions sweep;
};

void add_options(CLI::App& program, Options& options) {
  program.add_option("EXPERIMENT", options.experiment, "TOML file, see docs/experiments.md")
      ->required();
  program.add_option("--out", options.sweep.out,
                     "Campaign directory (default: runs/NAME, NAME being the experiment's)");
  program.add_option("--set", options.overrides,
                     "KEY=VALUE or KEY=[A, B]: replaces a parameter or a whole axis");
  program.add_option("--only", options.only,
                     "Only cases that match, for example pattern=block:*,array=4x4");
  program.add_flag("--dry-run", options.dry_run, "Print what would run, and run nothing");
  program.add_flag("--json", options.json, "No tables; end with one line of JSON");
  program.add_option("--threads", options.sweep.threads, "Threads per rank (0: cores / ranks)");
  program.add_option("--retries", options.sweep.retries, "Attempts after a failed one");
  program.add_option("--timeout", options.sweep.timeout_s, "Seconds per attempt (0: no limit)");
  program.add_option("--deadline", options.sweep.deadline_s,
                     "Stop in time to end within so many seconds (0: no limit)");
  program.add_flag("--retry-failed", options.sweep.retry_failed, "Try failed cases again");
  program.add_flag("--remeasure", options.sweep.remeasure,
                   "Run stages that measure time again, although they passed");
  program.add_flag("--accept-changes", options.sweep.accept_changes,
                   "Continue a campaign although experiment, code or data changed");
}

harness::PlanContext plan_context() {
  return {digest_of_file(sibling_program("wbs-worker")), version_text()};
}

int sweep(Options& options, harness::Transport& transport) {
  harness::StageRegistry registry;
  register_stages(registry);
  const harness::PreparedExperiment prepared =
      harness::prepare_experiment(options.experiment, options.overrides, registry, plan_context());
  const harness::Plan plan = harness::select_cases(prepared.plan, options.only);
  if (options.dry_run) {
    fmt::print("{}", harness::describe_plan(plan));
    return 0;
  }
  if (options.sweep.out.empty()) options.sweep.out = "runs/" + plan.experiment;
  fmt::print(stderr, "{}: {} cases, {} tasks, {} rank{}, results in {}\n", plan.experiment,
             plan.cases.size(), plan.tasks.size(), transport.size(),
             transport.size() == 1 ? "" : "s", options.sweep.out);
  options.sweep.worker_command = {sibling_program("wbs-worker")};
  options.sweep.documents[kExperimentDocument] = experiment_document(prepared.experiment);
  const harness::SweepSummary summary =
      harness::run_sweep(plan, registry, options.sweep, transport);
  const std::vector<std::string> paths =
      report_tables(prepared.experiment, plan, summary.outcomes, options.sweep.out, !options.json);
  if (options.json) {
    fmt::print("{}\n", nlohmann::json{{"cases", summary.cases},
                                      {"passed", summary.passed},
                                      {"failed", summary.failed},
                                      {"reused", summary.reused},
                                      {"seconds", summary.seconds},
                                      {"tables", paths}}
                           .dump());
  } else {
    fmt::print("\n{} cases: {} passed, {} not, {} reused; {:.1f} s; tables in {}/tables\n",
               summary.cases, summary.passed, summary.failed, summary.reused, summary.seconds,
               options.sweep.out);
  }
  return summary.exit_code;
}

int run_ranks(int argc, char** argv, harness::Transport& transport) {
  return harness::with_ranks(transport, [&] {
    CLI::App program(
        "Runs an experiment: every case's stages once, then its tables.\n"
        "Running the same command again continues. Under MPI: mpirun -n 4 wbs-sweep ...",
        "wbs-sweep");
    add_common(program);
    Options options;
    add_options(program, options);
    return run_program(program, argc, argv, [&] { return sweep(options, transport); });
  });
}

}  // namespace
}  // namespace wbs::apps

int main(int argc, char** argv) {
  // Without mpirun there is no reason to pay for MPI_Init.
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr && std::getenv("PMIX_RANK") == nullptr) {
    wbs::harness::LocalTransport transport;
    return wbs::apps::run_ranks(argc, argv, transport);
  }
  wbs::harness::MpiTransport transport(&argc, &argv);
  return wbs::apps::run_ranks(argc, argv, transport);
}
