#include "apps/aie/compile_program.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "aie_model/program/checker.hpp"
#include "compiler/codegen/mapping.hpp"
#include "compiler/depth/depth.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace wbs::apps {
namespace {

using Clock = std::chrono::steady_clock;

/// Seconds since the last call, or since it was made.
class Stopwatch {
 public:
  double lap() {
    const Clock::time_point now = Clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  Clock::time_point last_ = Clock::now();
};

}  // namespace

networks::Int8Options for_device(networks::Int8Options integers, const aie::Device& device) {
  integers.fuse_add = integers.fuse_add && device.rows <= compiler::kColumnStreams;
  return integers;
}

CompiledProgram compile_program(const ScaledModel& model, const std::string& pattern,
                                const aie::Device& device, const networks::Int8Options& integers,
                                const compiler::CodegenOptions& options, std::int64_t depth_tiles) {
  CompiledProgram compiled;
  Stopwatch watch;
  compiled.network = networks::to_int8(model.model.graph, model.model.weights, model.scales,
                                       for_device(integers, device));
  compiled.convert_s = watch.lap();
  if (depth_tiles != 1) {
    compiler::DepthResult tiled =
        compiler::tile_network(compiled.network, device, options, depth_tiles);
    for (const networks::DepthCut& cut : tiled.cuts) {
      compiled.depth_cuts.push_back(compiler::print(compiled.network, cut));
    }
    compiled.network = std::move(tiled.network);
  }
  compiled.depth_s = watch.lap();
  compiled.program = compiler::generate(compiled.network, device, options);
  compiled.program.pattern = pattern;
  compiled.generate_s = watch.lap();
  check_program(compiled.program, device, ErrorKind::internal);
  compiled.check_s = watch.lap();
  return compiled;
}

std::int64_t parse_depth_tiles(const std::string& text) {
  if (text == "auto") return compiler::kDepthAuto;
  const auto tiles = parse_integer(text);
  if (!tiles || *tiles < 1) {
    throw Error(ErrorKind::usage,
                fmt::format("depth tiles '{}': expected a number from 1 on, or auto", text));
  }
  return *tiles;
}

void check_program(const aie::Program& program, const aie::Device& device, ErrorKind kind,
                   std::span<const std::string_view> exempt) {
  std::vector<aie::Violation> violations = aie::check(program, device);
  std::erase_if(violations, [&](const aie::Violation& found) {
    return std::ranges::find(exempt, found.rule) != exempt.end();
  });
  if (violations.empty()) return;
  const aie::Violation& first = violations.front();
  const std::string step = first.step < program.steps.size()
                               ? fmt::format(" ('{}')", program.steps[first.step].name)
                               : "";
  throw Error(
      kind,
      fmt::format(
          "{} breaks the rule '{}' in step {}{}: {}{}", aie::to_string(first.tile), first.rule,
          first.step, step, first.message,
          violations.size() == 1 ? "" : fmt::format(" (and {} more)", violations.size() - 1)));
}

ProgramSize size_of(const aie::Program& program) {
  ProgramSize size;
  const auto count = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
  size.steps = count(program.steps);
  size.layers = count(program.layers);
  for (const aie::Step& step : program.steps) {
    size.connections += count(step.connections);
    for (const aie::TileProgram& tile : step.tiles) {
      size.instructions += count(tile.code);
      size.calls += count(tile.calls);
      size.descriptors +=
          std::ranges::count_if(tile.descriptors, [](const auto& d) { return d.words > 0; });
      for (const aie::Channel& channel : tile.channels) size.tasks += count(channel.tasks);
    }
  }
  for (const aie::DdrBuffer& buffer : program.ddr) {
    const auto bytes = static_cast<std::int64_t>(buffer.size_bytes);
    if (buffer.kind == aie::DdrBuffer::Kind::weights) size.packed_bytes += bytes;
    if (buffer.kind != aie::DdrBuffer::Kind::scratch) continue;
    size.scratch_bytes += bytes;
    ++size.tensors_in_ddr;
  }
  for (const aie::ProgramLayer& layer : program.layers) {
    size.macs += layer.macs;
    size.kept_macs += layer.kept_macs;
  }
  return size;
}

nlohmann::json compile_json(const CompiledProgram& compiled, const ScaledModel& model) {
  const aie::Program& program = compiled.program;
  const ProgramSize size = size_of(program);
  return {{"network", program.network},
          {"pattern", program.pattern},
          {"depth_cuts", compiled.depth_cuts},
          {"device", program.device},
          {"columns", program.columns},
          {"rows", program.rows},
          {"weights", model.weights_source},
          {"scales", model.scales_source},
          {"achieved_sparsity", model.achieved_sparsity},
          {"seconds", compiled.seconds()},
          {"convert_s", compiled.convert_s},
          {"depth_s", compiled.depth_s},
          {"generate_s", compiled.generate_s},
          {"check_s", compiled.check_s},
          {"steps", size.steps},
          {"layers", size.layers},
          {"instructions", size.instructions},
          {"calls", size.calls},
          {"descriptors", size.descriptors},
          {"tasks", size.tasks},
          {"connections", size.connections},
          {"packed_bytes", size.packed_bytes},
          {"scratch_bytes", size.scratch_bytes},
          {"tensors_in_ddr", size.tensors_in_ddr},
          {"macs", size.macs},
          {"kept_macs", size.kept_macs}};
}

std::string compile_text(const CompiledProgram& compiled, const ScaledModel& model) {
  const aie::Program& program = compiled.program;
  const ProgramSize size = size_of(program);
  std::string text = fmt::format(
      "{} ({}) for {}: {} layers in {} steps, {} instructions, {} kernel calls, {} descriptors, {} "
      "tasks\n",
      program.network, program.pattern, program.device, size.layers, size.steps, size.instructions,
      size.calls, size.descriptors, size.tasks);
  text += fmt::format(
      "packed weights {:.2f} MB; {} tensors between layers pass through DDR ({:.2f} MB)\n",
      1e-6 * static_cast<double>(size.packed_bytes), size.tensors_in_ddr,
      1e-6 * static_cast<double>(size.scratch_bytes));
  if (!compiled.depth_cuts.empty()) {
    text += fmt::format("depth-wise tiles: {}\n", fmt::join(compiled.depth_cuts, ", "));
  }
  text += fmt::format("weights: {}; scales: {}; sparsity of pruned layers {:.3f}\n",
                      model.weights_source, model.scales_source, model.achieved_sparsity);
  text += fmt::format(
      "compiled in {:.3f} s: integers {:.3f}, depth-wise tiles {:.3f}, mapping and code "
      "{:.3f}, checks {:.3f}\n",
      compiled.seconds(), compiled.convert_s, compiled.depth_s, compiled.generate_s,
      compiled.check_s);
  return text;
}

}  // namespace wbs::apps
