#include "apps/aie/tilings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "aie_model/machine/machine.hpp"
#include "apps/aie/compile_program.hpp"
#include "apps/aie/published_tiling.hpp"
#include "apps/columns.hpp"
#include "core/error.hpp"

namespace wbs::apps {
namespace {

double ratio(std::uint64_t published, std::uint64_t ours) {
  return ours == 0 ? 0.0 : static_cast<double>(published) / static_cast<double>(ours);
}

EventReport simulated(const aie::Program& program, const aie::Device& device) {
  return event_report(program, device, aie::run(program, device, {}), 0.0);
}

}  // namespace

TilingComparison compare_tilings(const AieModelChoice& choice, const aie::Device& device) {
  ScaledModel model = load_scaled_model(choice);
  const CompiledReplay replay = compile_replay(model.model, choice.pattern, device);
  const EventReport published = simulated(replay.published.program, device);
  const EventReport complete = simulated(compile_replay(model.model, choice.pattern, device,
                                                        {.lanes = compiler::ReplayLanes::complete})
                                             .published.program,
                                         device);
  choose_scales(choice, model);
  const EventReport ours = simulated(
      compile_program(model, choice.pattern, device, {.fuse_add = false}, {}).program, device);
  TilingComparison comparison{.network = published.network,
                              .pattern = published.pattern,
                              .device = published.device,
                              .our_network = ours.cycles,
                              .published_network = published.cycles,
                              .exceeds = exceeded_limits(replay.published, device)};
  for (std::size_t i = 0; i < published.layers.size(); ++i) {
    const EventLayer& theirs = published.layers[i];
    const auto tiled = std::ranges::find(replay.tiled.layers, theirs.name, &aie::TiledLayer::name);
    if (tiled->kind != aie::LayerKind::conv) continue;
    const auto mine = std::ranges::find(ours.layers, theirs.name, &EventLayer::name);
    if (mine == ours.layers.end()) {
      throw Error(
          ErrorKind::internal,
          fmt::format("our program has no layer '{}' of the published tiling", theirs.name));
    }
    comparison.rows.push_back({theirs.name, mine->cycles, theirs.cycles, complete.layers[i].cycles,
                               mine->bound, theirs.bound});
    comparison.ours += mine->cycles;
    comparison.published += theirs.cycles;
    comparison.complete += complete.layers[i].cycles;
  }
  return comparison;
}

nlohmann::json to_json(const TilingComparison& comparison) {
  nlohmann::json layers = nlohmann::json::array();
  for (const TilingRow& row : comparison.rows) {
    layers.push_back({{"name", row.layer},
                      {"ours_cycles", row.ours},
                      {"published_cycles", row.published},
                      {"published_complete_cycles", row.complete},
                      {"speedup", ratio(row.published, row.ours)},
                      {"ours_bound", row.our_bound},
                      {"published_bound", row.published_bound}});
  }
  return {{"model", "event"},
          {"network", comparison.network},
          {"pattern", comparison.pattern},
          {"device", comparison.device},
          {"ours_cycles", comparison.ours},
          {"published_cycles", comparison.published},
          {"published_complete_cycles", comparison.complete},
          {"speedup", ratio(comparison.published, comparison.ours)},
          {"ours_network_cycles", comparison.our_network},
          {"published_network_cycles", comparison.published_network},
          {"published_exceeds", comparison.exceeds},
          {"layers", std::move(layers)}};
}

std::string to_text(const TilingComparison& comparison) {
  std::vector<std::vector<std::string>> rows;
  for (const TilingRow& row : comparison.rows) {
    rows.push_back({row.layer, std::to_string(row.ours), std::to_string(row.published),
                    std::to_string(row.complete),
                    fmt::format("{:.2f}", ratio(row.published, row.ours)), row.our_bound,
                    row.published_bound, row.ours > row.published ? "slower" : ""});
  }
  std::string text =
      aligned({"convolution", "ours, cycles", "published, cycles", "complete, cycles", "speed-up",
               "ours bound by", "published bound by", ""},
              rows);
  text += fmt::format(
      "{} ({}) on {}, model 'event', all convolutions: ours {} cycles, published tiling {} as its "
      "rules count ({:.2f} times ours), {} complete; whole programs {} and {}\n",
      comparison.network, comparison.pattern, comparison.device, comparison.ours,
      comparison.published, ratio(comparison.published, comparison.ours), comparison.complete,
      comparison.our_network, comparison.published_network);
  if (!comparison.exceeds.empty()) text += "The published tiling takes more than there is:\n";
  for (const std::string& line : comparison.exceeds) text += fmt::format("  {}\n", line);
  return text;
}

}  // namespace wbs::apps
