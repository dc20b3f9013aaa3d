// wbs report, logs, clean, fsck and rebuild: what is done with a campaign's directory afterwards.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands/case_view.hpp"
#include "apps/commands/commands.hpp"
#include "apps/stages/register.hpp"
#include "apps/sweep_report.hpp"
#include "apps/text_file.hpp"
#include "harness/maintenance.hpp"

namespace wbs::apps {
namespace {

struct Options {
  std::string directory;
  std::string which;
  std::string stage;
  std::string output;
  bool dry_run = false;
  bool quiet = false;
};

int report(const Options& options) {
  harness::StageRegistry registry;
  register_stages(registry);
  const harness::LoadedCampaign campaign = harness::load_campaign(options.directory);
  for (const std::string& notice : campaign.notices) fmt::print(stderr, "wbs: {}\n", notice);
  const harness::Experiment experiment = experiment_of_document(
      read_text_file(options.directory + "/" + kExperimentDocument), registry);
  for (const std::string& path : report_tables(experiment, campaign.plan, campaign.outcomes,
                                               options.directory, !options.quiet)) {
    fmt::print("{}\n", path);
  }
  return 0;
}

int logs(const Options& options) {
  fmt::print("{}", harness::case_logs(options.directory, options.which));
  return 0;
}

int artifact(const Options& options) {
  return export_case_artifact(options.directory, options.which, options.stage, options.output);
}

int clean(const Options& options) {
  const harness::CleanReport cleaned = harness::clean(options.directory, options.dry_run);
  for (const std::string& file : cleaned.files) fmt::print("{}\n", file);
  fmt::print("{} {} files, {:.1f} MB\n", options.dry_run ? "would remove" : "removed",
             cleaned.files.size(), static_cast<double>(cleaned.bytes) / 1e6);
  return 0;
}

int fsck(const Options& options) {
  const harness::FsckReport found = harness::fsck(options.directory);
  for (const std::string& note : found.notes) fmt::print("note: {}\n", note);
  for (const std::string& error : found.errors) fmt::print("error: {}\n", error);
  fmt::print("{} journals with {} records, {} packs with {} artifacts: {} errors\n", found.journals,
             found.records, found.packs, found.artifacts, found.errors.size());
  return found.errors.empty() ? 0 : 1;
}

int rebuild(const Options& options) {
  harness::rebuild_store(options.directory);
  fmt::print("{}/store.sqlite: made anew from the journals\n", options.directory);
  return 0;
}

}  // namespace

void add_campaign_commands(CLI::App& program, Action& action) {
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* help, int (*run)(const Options&)) {
    CLI::App* command = program.add_subcommand(name, help);
    command->add_option("DIR", options->directory, "The campaign's directory")->required();
    command->callback(
        [&action, options, run] { action = [options, run] { return run(*options); }; });
    return command;
  };
  add("report", "Print and write the tables of a campaign again", report)
      ->add_flag("--quiet", options->quiet, "Write only");
  add("logs", "What the stages of a case printed", logs)
      ->add_option("CASE", options->which, "Part of its name that no other case has")
      ->required();
  CLI::App* copy = add("artifact", "Copy what a stage made for a case, digest checked", artifact);
  copy->add_option("CASE", options->which, "Its number or a filter such as pattern=dense,array=4x4")
      ->required();
  copy->add_option("STAGE", options->stage, "prune (HDF5) or compile (JSON)")->required();
  copy->add_option("OUT", options->output, "File to write")->required();
  add("clean", "Remove artifacts that no case needs", clean)
      ->add_flag("--dry-run", options->dry_run, "Only say what would go");
  add("fsck", "Check journals, artifacts and store", fsck);
  add("rebuild", "Make the SQLite store again from the journals", rebuild);
}

}  // namespace wbs::apps
