#include "apps/sweep_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "harness/report.hpp"
#include "harness/table.hpp"

namespace wbs::apps {

using nlohmann::json;

std::string experiment_document(const harness::Experiment& experiment) {
  return json{{"source_path", experiment.source_path},
              {"text", experiment.text},
              {"overrides", experiment.overrides}}
      .dump(1);
}

harness::Experiment experiment_of_document(const std::string& document,
                                           const harness::StageRegistry& registry) {
  try {
    const json saved = json::parse(document);
    harness::ErrorList errors;
    harness::Experiment experiment = harness::read_experiment(
        saved.at("text").get<std::string>(), saved.at("source_path").get<std::string>(),
        saved.at("overrides").get<std::vector<std::string>>(), registry, errors);
    errors.raise_if_any();
    return experiment;
  } catch (const json::exception& error) {
    throw Error(ErrorKind::input,
                fmt::format("the campaign's experiment.json is damaged: {}", error.what()));
  }
}

std::vector<std::string> report_tables(const harness::Experiment& experiment,
                                       const harness::Plan& plan,
                                       const std::vector<harness::TaskOutcome>& outcomes,
                                       const std::string& directory, bool print) {
  const std::vector<harness::Table> tables = harness::make_tables(experiment, plan, outcomes);
  if (print) {
    const harness::TerminalStyle style = harness::terminal_style();
    for (const harness::Table& table : tables) {
      fmt::print("\n{}", harness::terminal_text(table, style));
    }
  }
  return harness::write_tables(tables, directory);
}

}  // namespace wbs::apps
