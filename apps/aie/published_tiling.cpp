#include "apps/aie/published_tiling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "aie_model/program/checker.hpp"
#include "apps/aie/compile_program.hpp"
#include "apps/network_source.hpp"
#include "compiler/density.hpp"
#include "core/error.hpp"

namespace wbs::apps {
namespace {

std::string_view tiling_name(compiler::ReplayLanes lanes) {
  return lanes == compiler::ReplayLanes::counted ? "published" : "published_complete";
}

}  // namespace

CompiledReplay compile_replay(const Model& model, const std::string& pattern,
                              const aie::Device& device, const ReplayChoice& choice) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  compiler::CompileOptions options;
  options.weights = pattern;
  options.cin_split = choice.cin_split;
  compiler::PublishedOptions masks{.lanes = choice.lanes};
  for (const networks::Node& node : model.graph.nodes) {
    if (!is_pruned(model.graph, node, /*linear_too=*/false)) continue;
    const Tensor& weights = model.weights.at(networks::weight_key(node, "weight"));
    options.densities.by_layer[node.name] = compiler::measured_density(weights);
    masks.masks[node.name] = compiler::mask_of(weights);
  }
  CompiledReplay replay;
  replay.lanes = choice.lanes;
  replay.tiled = compiler::compile(model.graph, device, options);
  replay.published = compiler::published_program(replay.tiled, device, masks);
  check_program(replay.published.program, device, ErrorKind::internal,
                compiler::published_exemptions());
  replay.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return replay;
}

std::vector<std::string> exceeded_limits(const compiler::PublishedProgram& published,
                                         const aie::Device& device) {
  const aie::Program& program = published.program;
  std::vector<std::string> lines;
  for (const compiler::Excess& excess : published.excesses) {
    lines.push_back(fmt::format("{}: {} takes {} bytes of {}", program.layers[excess.layer].name,
                                excess.what, excess.needed, excess.limit));
  }
  std::map<std::pair<std::uint32_t, std::string>, std::pair<std::int64_t, std::string>> broken;
  for (const aie::Violation& found : aie::check(program, device)) {
    auto& [times, first] = broken[{program.steps[found.step].layer, found.rule}];
    if (times++ == 0) first = found.message;
  }
  for (const auto& [where, what] : broken) {
    lines.push_back(fmt::format("{}: rule '{}' broken {} times, first: {}",
                                program.layers[where.first].name, where.second, what.first,
                                what.second));
  }
  return lines;
}

ProgramFileContent replay_content(const CompiledReplay& replay, const ChosenDevice& device,
                                  const std::string& weights_source) {
  ProgramFileContent content{replay.published.program, nullptr, device.text,
                             weights_source,           "none",  compiler::to_json(replay.tiled)};
  content.timing_only = kReplayNote;
  content.exceeds = exceeded_limits(replay.published, device.device);
  return content;
}

nlohmann::json replay_json(const CompiledReplay& replay, const aie::Device& device) {
  const aie::Program& program = replay.published.program;
  const ProgramSize size = size_of(program);
  return {{"network", program.network},
          {"pattern", program.pattern},
          {"device", program.device},
          {"columns", program.columns},
          {"rows", program.rows},
          {"tiling", tiling_name(replay.lanes)},
          {"timing_only", true},
          {"seconds", replay.seconds},
          {"steps", size.steps},
          {"layers", size.layers},
          {"instructions", size.instructions},
          {"calls", size.calls},
          {"descriptors", size.descriptors},
          {"tasks", size.tasks},
          {"connections", size.connections},
          {"packed_bytes", size.packed_bytes},
          {"macs", size.macs},
          {"kept_macs", size.kept_macs},
          {"exceeds", exceeded_limits(replay.published, device)}};
}

std::string replay_text(const CompiledReplay& replay, const aie::Device& device) {
  const aie::Program& program = replay.published.program;
  const ProgramSize size = size_of(program);
  std::string text = fmt::format(
      "{} ({}) for {}, tiling {}: {} layers in {} steps, {} instructions, {} kernel calls, "
      "{} descriptors, {} tasks\n",
      program.network, program.pattern, program.device, tiling_name(replay.lanes), size.layers,
      size.steps, size.instructions, size.calls, size.descriptors, size.tasks);
  text += fmt::format("This program {}.\n", kReplayNote);
  const std::vector<std::string> exceeded = exceeded_limits(replay.published, device);
  if (!exceeded.empty()) text += "It takes more than there is:\n";
  for (const std::string& line : exceeded) text += fmt::format("  {}\n", line);
  text += fmt::format("compiled in {:.3f} s\n", replay.seconds);
  return text;
}

}  // namespace wbs::apps
