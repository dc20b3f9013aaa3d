#include "compiler/tiler.hpp"

#include <fmt/format.h>

#include "aie_model/memtile_plan.hpp"
#include "aie_model/pool_tiling.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using aie::LayerKind;

bool has_weights(LayerKind kind) {
  return kind == LayerKind::conv || kind == LayerKind::fully_connected;
}

CoreLimits limits_of(const aie::Device& device) {
  return {device.core.weights, device.core.input_each, device.core.output_each, device.operand};
}

/// Sweeps that the authors' compiler adds to a layer that writes into a channel concat.
std::int64_t concat_repeats(const aie::TiledLayer& layer, std::int64_t columns) {
  if (layer.concat_channels == 0 || layer.kind == LayerKind::concat) return 1;
  const std::int64_t own = columns * layer.output.c;
  return (layer.concat_channels + own - 1) / own;
}

aie::TiledLayer copy_shapes(const Layer& layer) {
  aie::TiledLayer tiled;
  tiled.name = layer.name;
  tiled.kind = layer.kind;
  tiled.input = layer.input;
  tiled.output = layer.output;
  tiled.window = layer.window;
  tiled.producers = layer.producers;
  tiled.density = layer.density.stored;
  tiled.corrected_density = layer.density.operands;
  tiled.groups = layer.groups;
  tiled.concat_channels = layer.concat_channels;
  return tiled;
}

unsigned memtile_notes(const aie::TiledLayer& layer, std::int64_t columns) {
  unsigned notes = 0;
  const std::int64_t repeats = concat_repeats(layer, columns);
  if (layer.passes > repeats) notes |= kWeightPasses;
  if (layer.passes > 1 && repeats > 1) notes |= kConcatRepeat;
  if (layer.height_tiles > 1) notes |= kHeightTiles;
  if (layer.through_ddr) notes |= kThroughDdr;
  if (layer.width_splits > 1) notes |= kWidthPieces;
  return notes;
}

unsigned width_notes(const aie::TiledLayer& layer, std::int64_t columns) {
  if (layer.kind == LayerKind::concat || layer.kind == LayerKind::global_avg_pool) return 0;
  if (layer.output.w < columns) return kIdleColumns;
  return layer.output.w % columns != 0 ? kUnevenWidth : 0U;
}

}  // namespace

TiledNetwork tile(const LayerList& list, const aie::Device& device, const CompileOptions& options) {
  const std::vector<std::string> problems = device.validate();
  if (!problems.empty())
    throw Error(ErrorKind::input,
                fmt::format("device '{}': {}", device.name, fmt::join(problems, "; ")));
  TiledNetwork network;
  network.network = list.network;
  network.device = device.name;
  network.weights = options.weights;
  network.array = {device.columns, device.rows};
  network.remarks = list.notes;
  for (const Layer& layer : list.layers) {
    aie::TiledLayer tiled = copy_shapes(layer);
    unsigned notes = width_notes(tiled, device.columns);
    if (has_weights(layer.kind)) {
      const CoreTile core =
          choose_core_tile(layer, network.array, limits_of(device), options.cin_split);
      tiled.core_weight = core.weight;
      tiled.core_input = core.input;
      tiled.core_output = core.output;
      tiled.width_splits = core.width_pieces;
      notes |= core.notes;
    } else {
      aie::tile_pool_or_add(tiled, device);
    }
    network.layers.push_back(std::move(tiled));
    network.notes.push_back(notes);
  }
  aie::plan_memtiles(network.layers, device);
  for (std::size_t i = 0; i < network.layers.size(); ++i)
    network.notes[i] |= memtile_notes(network.layers[i], device.columns);
  return network;
}

std::vector<aie::TiledLayer> untiled(const LayerList& list) {
  std::vector<aie::TiledLayer> layers;
  layers.reserve(list.layers.size());
  for (const Layer& layer : list.layers) layers.push_back(copy_shapes(layer));
  return layers;
}

TiledNetwork compile(const networks::Graph& graph, const aie::Device& device,
                     const CompileOptions& options) {
  return tile(lower(graph, options.densities), device, options);
}

}  // namespace wbs::compiler
