// wbs simulate P.h5 --mode event: time, pictures, roofline.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "aie_model/machine/machine.hpp"
#include "aie_model/pictures/gantt.hpp"
#include "aie_model/pictures/heatmap.hpp"
#include "aie_model/pictures/roofline.hpp"
#include "aie_model/pictures/trace.hpp"
#include "apps/aie/event_report.hpp"
#include "apps/aie/program_file.hpp"
#include "apps/aie/roofline_report.hpp"
#include "apps/commands/simulate_program.hpp"
#include "apps/text_file.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

/// The span of steps that a picture shows.
aie::PictureSpan span_of(const ProgramRun& run, const aie::Program& program) {
  if (run.layer.empty()) return {};
  std::vector<std::string> names;
  for (const aie::ProgramLayer& layer : program.layers) names.push_back(layer.name);
  const auto found = std::find(names.begin(), names.end(), run.layer);
  if (found == names.end()) {
    throw Error(ErrorKind::usage, fmt::format("the program has no layer '{}'{}", run.layer,
                                              suggestion(run.layer, names)));
  }
  return {static_cast<std::uint32_t>(found - names.begin())};
}

void draw(const ProgramRun& run, const aie::Picture& picture, const EventReport& report) {
  if (!run.trace.empty()) write_text_file(run.trace, aie::chrome_trace(picture));
  if (!run.gantt.empty()) write_text_file(run.gantt, aie::gantt_svg(picture));
  if (!run.heatmap.empty()) write_text_file(run.heatmap, aie::heatmap_svg(picture));
  if (!run.roofline_svg.empty()) {
    write_text_file(run.roofline_svg, aie::roofline_svg(report.roofline));
  }
}

/// The gain over the program of `--against`.
std::optional<aie::SparseGain> gain_of(const ProgramRun& run, const aie::Roofline& roofline) {
  if (run.against.empty()) return std::nullopt;
  const ProgramFile dense = read_program_file(run.against, /*with_network=*/false);
  const aie::RunResult result = aie::run(dense.program, dense.device, {});
  return aie::sparse_gain(event_report(dense.program, dense.device, result, 0.0).roofline,
                          roofline);
}

}  // namespace

int simulate_event(const ProgramRun& run) {
  if (!run.roofline_svg.empty() && !run.roofline_svg.ends_with(".svg")) {
    throw Error(ErrorKind::usage,
                fmt::format("--roofline {}: expected a file name that ends in .svg, or none",
                            run.roofline_svg));
  }
  const ProgramFile file = read_program_file(run.file, /*with_network=*/false);
  const aie::PictureSpan span = span_of(run, file.program);
  aie::RunOptions options;
  options.trace = !run.trace.empty() || !run.gantt.empty() || !run.heatmap.empty();
  const Clock::time_point start = Clock::now();
  const aie::RunResult result = aie::run(file.program, file.device, options);
  const double run_s = std::chrono::duration<double>(Clock::now() - start).count();
  const EventReport report = event_report(file.program, file.device, result, run_s);
  const std::optional<aie::SparseGain> gain = gain_of(run, report.roofline);
  draw(run, {file.program, file.device, result, span}, report);
  if (run.json) {
    json item = to_json(report);
    item["weights"] = file.weights_source;
    item["scales"] = file.scales_source;
    item["peak_bytes"] = peak_memory_bytes();
    item["timing_only"] = !file.timing_only.empty();
    if (!file.timing_only.empty()) item["exceeds"] = file.exceeds;
    if (gain) item["gain"] = to_json(*gain);
    fmt::print("{}\n", item.dump());
    return 0;
  }
  fmt::print("{}", to_text(report));
  if (!file.timing_only.empty()) fmt::print("This program {}.\n", file.timing_only);
  if (!file.exceeds.empty()) {
    fmt::print("It takes more than there is:\n  {}\n", fmt::join(file.exceeds, "\n  "));
  }
  if (run.roofline) fmt::print("\n{}", to_text(report.roofline));
  if (gain) fmt::print("\n{}", to_text(*gain));
  return 0;
}

}  // namespace wbs::apps
