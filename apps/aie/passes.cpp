#include "apps/aie/passes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "aie_model/program/text_form.hpp"
#include "apps/aie/compile_program.hpp"
#include "apps/columns.hpp"
#include "compiler/codegen/plan.hpp"
#include "compiler/codegen/schedule.hpp"
#include "compiler/depth/depth.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "networks/fold.hpp"
#include "networks/int8_network.hpp"
#include "networks/shape_inference.hpp"
#include "networks/text_form.hpp"

namespace wbs::apps {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string kilobytes(std::int64_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / 1024.0);
}

networks::Graph folded(const networks::Graph& graph) {
  networks::Graph result = networks::remove_identities(networks::fold_batch_norms(graph));
  networks::infer_shapes(result);
  return result;
}

std::string_view name_of(compiler::Split split) {
  switch (split) {
    case compiler::Split::rows:
      return "rows";
    case compiler::Split::channels:
      return "channels";
    case compiler::Split::pixels:
      return "pixels";
  }
  return "?";
}

std::string print_mapping(const networks::Int8Network& network, const compiler::NetworkPlan& plan) {
  Rows rows;
  for (const compiler::LayerPlan& layer : plan.layers) {
    const compiler::Mapping& m = layer.mapping;
    const compiler::Pieces& p = layer.pieces;
    rows.push_back(
        {network.operations[layer.operation].name, std::string(aie::to_string(layer.shape.kernel)),
         std::string(name_of(m.split)), fmt::format("{} x {} rows", p.strips, m.strip_rows),
         fmt::format("{}x{}", m.tile_rows, m.tile_columns),
         fmt::format("{} x {} blocks", p.chunks, m.chunk_blocks),
         fmt::format("{} x {} blocks", p.pieces, m.piece_blocks),
         fmt::format("{:.3f}", layer.shape.density), kilobytes(p.input_bytes),
         kilobytes(p.weight_bytes), kilobytes(p.output_bytes), fmt::format("{:.0f}", m.cycles)});
  }
  return aligned({"layer", "kernel", "columns share", "strips", "tile", "chunks", "pieces",
                  "density", "input KiB", "weights KiB", "output KiB", "estimated cycles"},
                 rows);
}

std::string print_places(const compiler::NetworkPlan& plan, const aie::Device& device) {
  Rows rows;
  for (std::size_t i = 0; i < plan.layout.storages.size(); ++i) {
    const compiler::Storage& storage = plan.layout.storages[i];
    rows.push_back({storage.name,
                    fmt::format("{}x{}x{}x8", storage.blocks, storage.rows, storage.columns),
                    kilobytes(storage.bytes()), plan.resident[i] ? "Memtiles" : "DDR"});
  }
  const std::string text = aligned({"tensor", "blocks x rows x columns", "KiB", "place"}, rows);
  rows.clear();
  std::int64_t end = 0;
  for (std::size_t i = 0; i < plan.regions.size(); ++i) {
    const compiler::Region& region = plan.regions[i];
    end = std::max(end, region.address + region.bytes);
    rows.push_back({std::to_string(i), std::to_string(region.address), kilobytes(region.bytes),
                    fmt::format("{}-{}", region.first, region.last)});
  }
  return text + "\n" + aligned({"region", "address", "KiB", "phases"}, rows) +
         fmt::format("Memtiles are used up to {} of {} KiB\n", kilobytes(end),
                     kilobytes(device.memtile_bytes));
}

std::string print_phase(const networks::Int8Network& network, const compiler::NetworkPlan& plan,
                        const compiler::Phase& phase) {
  using Kind = compiler::Phase::Kind;
  const std::string& node = network.operations[plan.layers[phase.layer].operation].name;
  switch (phase.kind) {
    case Kind::load:
      return fmt::format("load {} for {}", plan.layout.storages[phase.strip.storage].name, node);
    case Kind::store:
      return fmt::format("store {}", node);
    case Kind::exchange:
      return fmt::format("exchange rows of {} for {}",
                         plan.layout.storages[phase.strip.storage].name, node);
    case Kind::preload:
      return fmt::format("first weights of {}", node);
    case Kind::compute:
      break;
  }
  return fmt::format("compute {} strip {}, chunks {}-{}, tile columns {}-{}", node, phase.index,
                     phase.chunk, phase.chunk + phase.chunks - 1, phase.x_tile,
                     phase.x_tile + phase.x_tiles - 1);
}

std::string print_schedule(const networks::Int8Network& network,
                           const compiler::NetworkPlan& plan) {
  std::string text;
  std::size_t number = 0;
  for (const std::vector<std::size_t>& phases : compiler::schedule(plan)) {
    if (phases.empty()) continue;
    std::vector<std::string> lines;
    for (const std::size_t phase : phases) {
      lines.push_back(print_phase(network, plan, plan.phases[phase]));
    }
    text += fmt::format("step {}: {}\n", number++, fmt::join(lines, "; "));
  }
  return text;
}

/// The pipeline with what every pass leaves behind.
class Pipeline {
 public:
  Pipeline(const PassRequest& request, std::string wanted)
      : request_(request), wanted_(std::move(wanted)) {}

  std::string run() {
    ScaledModel model = load_scaled_model(request_.choice);
    if (done("graph", "the network as read", networks::print_graph(model.model.graph))) {
      return text_;
    }
    if (done("fold", "batch norms folded, identities removed",
             networks::print_graph(folded(model.model.graph)))) {
      return text_;
    }
    choose_scales(request_.choice, model);
    const networks::Int8Network integers =
        networks::to_int8(model.model.graph, model.model.weights, model.scales,
                          for_device(int8_options(request_.choice), request_.device));
    if (done("integers", "activations fused, 8-bit integers; scales: " + model.scales_source,
             networks::print(integers))) {
      return text_;
    }
    const compiler::DepthResult depth =
        compiler::tile_network(integers, request_.device, request_.codegen, request_.depth_tiles);
    const networks::Int8Network& network = depth.network;
    if (done("depth", "layers whose tensors do not fit, tile by tile",
             compiler::print(integers, depth))) {
      return text_;
    }
    const compiler::NetworkPlan plan =
        compiler::plan_network(network, request_.device, request_.codegen);
    if (done("map", "layers spread over " + request_.device.name, print_mapping(network, plan)) ||
        done("place", "tensors in Memtiles or DDR", print_places(plan, request_.device)) ||
        done("schedule", "phases of each step", print_schedule(network, plan))) {
      return text_;
    }
    const aie::Program program = compiler::generate(network, request_.device, request_.codegen);
    done("program", "descriptors, locks, routes, calls",
         wanted_ == "program" ? aie::print(program)
                              : fmt::format("{} steps; --passes program or --emit text prints "
                                            "them\n",
                                            program.steps.size()));
    return text_;
  }

 private:
  /// Notes a pass's result; true when it was the wanted one.
  bool done(const std::string& pass, const std::string& what, const std::string& result) {
    if (wanted_ == pass) {
      text_ = result;
    } else if (wanted_ == "all") {
      text_ += fmt::format("== {}: {}\n{}\n", pass, what, result);
    }
    return wanted_ == pass;
  }

  const PassRequest& request_;
  std::string wanted_, text_;
};

}  // namespace

const std::vector<std::string>& pass_names() {
  static const std::vector<std::string> names{"graph", "fold",  "integers", "depth",
                                              "map",   "place", "schedule", "program"};
  return names;
}

std::string run_passes(const PassRequest& request, const std::string& name) {
  const std::vector<std::string>& names = pass_names();
  if (name != "all" && std::find(names.begin(), names.end(), name) == names.end()) {
    throw Error(ErrorKind::usage, fmt::format("unknown pass '{}'{}: expected one of {}", name,
                                              suggestion(name, names), fmt::join(names, ", ")));
  }
  return Pipeline(request, name).run();
}

}  // namespace wbs::apps
