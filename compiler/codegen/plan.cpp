#include "compiler/codegen/plan.hpp"

#include <algorithm>

#include "compiler/codegen/residence.hpp"
#include "compiler/codegen/room.hpp"
#include "compiler/codegen/weights.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using networks::Int8Network;
using networks::Int8Op;

aie::Kernel kernel_of(const Int8Op& op) {
  switch (op.kind) {
    case Int8Op::Kind::depthwise:
      return aie::Kernel::depthwise;
    case Int8Op::Kind::max_pool:
      return aie::Kernel::max_pool;
    case Int8Op::Kind::average_pool:
      return aie::Kernel::average_pool;
    case Int8Op::Kind::add:
      return aie::Kernel::add;
    case Int8Op::Kind::conv:
    case Int8Op::Kind::input:
    case Int8Op::Kind::concat:
    case Int8Op::Kind::slice:
    case Int8Op::Kind::stack:
      break;
  }
  return aie::Kernel::conv;
}

LayerShape shape_of(const Int8Network& network, std::size_t index, const CodegenOptions& options) {
  const Int8Op& op = network.operations[index];
  const networks::Int8Shape& in = network.operations[op.inputs.front()].output;
  LayerShape shape;
  shape.kernel = kernel_of(op);
  shape.in_blocks = blocks_of(in.channels);
  shape.in_rows = in.rows;
  shape.in_columns = in.columns;
  shape.out_blocks = blocks_of(op.output.channels);
  shape.out_rows = op.output.rows;
  shape.out_columns = op.output.columns;
  shape.window_rows = op.window[0];
  shape.window_columns = op.window[1];
  shape.stride_rows = op.stride[0];
  shape.stride_columns = op.stride[1];
  shape.pad_top = op.padding.top;
  shape.pad_left = op.padding.left;
  if (op.kind == Int8Op::Kind::conv) {
    shape.adds = op.inputs.size() > 1;
    if (options.sparse_mac && options.skip_zero_blocks && satisfies_two_of_four(op, in.channels)) {
      shape.kernel = aie::Kernel::conv_sparse4;
    }
    shape.density = options.skip_zero_blocks ? operand_density(op, in.channels) : 1.0;
  }
  return shape;
}

/// Sizes of the weights chunks that each core gets, and of the rings that hold them on their way.
void size_rings(LayerPlan& layer, const aie::Device& device) {
  const std::int64_t align = layer.slot_align;
  layer.ring_bytes = 0;
  if (!has_weights(layer.shape.kernel)) return;
  layer.slot_bytes.assign(static_cast<std::size_t>(device.columns * device.rows), align);
  for (std::int64_t column = 0; column < device.columns; ++column) {
    for (std::int64_t row = 0; row < device.rows; ++row) {
      std::int64_t& most = layer.slot_bytes[static_cast<std::size_t>(column * device.rows + row)];
      for (std::int64_t chunk = 0; chunk < layer.pieces.chunks; ++chunk) {
        const BlockRange out = chunk_blocks(layer, device, column, row, chunk);
        for (std::int64_t k = 0; k < layer.pieces.pieces; ++k) {
          const ChunkSpan span = chunk_span(layer, out, k);
          const std::int64_t bytes =
              chunk_bytes(layer.kept, layer.shape.kernel, layer.shape.taps(), span);
          most = std::max(most, (bytes + align - 1) / align * align);
        }
      }
    }
  }
  for (std::int64_t column = 0; column < device.columns; ++column) {
    std::int64_t bytes = 0;
    for (const std::int64_t row : weight_rows(layer, device, column)) {
      bytes += kRingSlots * layer.slot_bytes[static_cast<std::size_t>(column * device.rows + row)];
    }
    layer.ring_bytes = std::max(layer.ring_bytes, bytes);
  }
}

}  // namespace

BlockRange core_blocks(const LayerPlan& layer, const aie::Device& device, std::int64_t column,
                       std::int64_t row) {
  const auto share = [](BlockRange all, std::int64_t index, std::int64_t count) {
    const std::int64_t begin = all.count * index / count;
    const std::int64_t end = all.count * (index + 1) / count;
    return BlockRange{all.first + begin, end - begin};
  };
  BlockRange blocks{0, layer.shape.out_blocks};
  if (layer.mapping.split == Split::pixels) return blocks;
  if (layer.mapping.split == Split::channels) blocks = share(blocks, column, device.columns);
  return share(blocks, row, device.rows);
}

BlockRange column_blocks(const LayerPlan& layer, const aie::Device& device, std::int64_t column) {
  const BlockRange first = core_blocks(layer, device, column, 0);
  const BlockRange last = core_blocks(layer, device, column, device.rows - 1);
  return {first.first, last.first + last.count - first.first};
}

BlockRange chunk_blocks(const LayerPlan& layer, const aie::Device& device, std::int64_t column,
                        std::int64_t row, std::int64_t chunk) {
  const BlockRange all = core_blocks(layer, device, column, row);
  const std::int64_t begin = std::min(all.count, chunk * layer.mapping.chunk_blocks);
  const std::int64_t end = std::min(all.count, begin + layer.mapping.chunk_blocks);
  return {all.first + begin, end - begin};
}

std::vector<std::int64_t> weight_rows(const LayerPlan& layer, const aie::Device& device,
                                      std::int64_t column) {
  std::vector<std::int64_t> rows;
  if (layer.mapping.split == Split::pixels) {
    if (column == weights_home(device, 0)) rows.push_back(0);  // one stream for all cores
    return rows;
  }
  for (std::int64_t row = 0; row < device.rows; ++row) {
    if (layer.mapping.split == Split::channels || weights_home(device, row) == column) {
      rows.push_back(row);
    }
  }
  return rows;
}

ChunkSpan chunk_span(const LayerPlan& layer, BlockRange out, std::int64_t piece) {
  const std::int64_t first = piece * layer.mapping.piece_blocks;
  const std::int64_t count = std::min(layer.mapping.piece_blocks, layer.shape.in_blocks - first);
  return {out.first,       out.count, first, count, piece == 0, piece + 1 == layer.pieces.pieces,
          layer.shape.adds};
}

bool has_weights(aie::Kernel kernel) {
  return kernel == aie::Kernel::conv || kernel == aie::Kernel::conv_sparse4 ||
         kernel == aie::Kernel::depthwise;
}

std::int64_t strip_first_row(const LayerPlan& layer, std::int64_t column, std::int64_t index) {
  const std::int64_t rows = layer.pieces.column_rows;
  const std::int64_t strip = std::min(layer.mapping.strip_rows, rows);
  const std::int64_t offset = std::min(index * strip, rows - strip);
  if (layer.mapping.split == Split::channels) return offset;
  return std::min(column * rows, layer.shape.out_rows - rows) + offset;
}

RowRange core_rows(const LayerPlan& layer, const aie::Device& device, std::int64_t row) {
  const std::int64_t strip = std::min(layer.mapping.strip_rows, layer.pieces.column_rows);
  if (layer.mapping.split != Split::pixels) return {0, strip};
  const std::int64_t begin = strip * row / device.rows;
  return {begin, strip * (row + 1) / device.rows - begin};
}

std::int64_t deliveries_of(const LayerPlan& layer, const aie::Device& device, const Phase& phase) {
  const std::int64_t rows = core_rows(layer, device, 0).count;
  const std::int64_t tiles =
      (rows + layer.mapping.tile_rows - 1) / layer.mapping.tile_rows * phase.x_tiles;
  if (layer.mapping.keep_input) return phase.chunks * tiles;
  return layer.pieces.pieces > 1 ? layer.pieces.pieces * tiles : phase.chunks;
}

bool one_chunk_per_step(const LayerPlan& layer, const aie::Device& device) {
  if (layer.mapping.keep_input) return false;
  return layer.pieces.pieces > 1 || layer.pieces.x_tiles > 1 || device.rows > kColumnStreams ||
         !layer.shape.convolution() || layer.shape.adds;
}

bool one_x_tile_per_step(const aie::Device& device) {
  return device.rows > kColumnStreams;
}

void map_layer(const Int8Network& network, const aie::Device& device, const CodegenOptions& options,
               LayerPlan& layer) {
  constexpr int kTries = 8;
  const Int8Op& op = network.operations[layer.operation];
  if (op.kind == Int8Op::Kind::conv && layer.kept.kept.empty()) {
    layer.kept = kept_map(op, network.operations[op.inputs.front()].output.channels,
                          layer.shape.kernel, options.skip_zero_blocks);
    std::vector<std::int64_t>& before = layer.shape.kept_before;
    before.assign(1, 0);
    for (std::int64_t out = 0; out < layer.kept.out_blocks; ++out) {
      const ChunkSpan all{.out_first = out, .out_count = 1, .in_count = layer.shape.in_blocks};
      before.push_back(before.back() + kept_in(layer.kept, layer.shape.kernel, all));
    }
  }
  for (int attempt = 0; attempt < kTries; ++attempt) {
    layer.mapping = choose_mapping(layer.shape, device, op.name, layer.memtile_share);
    layer.pieces = pieces_of(layer.shape, layer.mapping, device);
    size_rings(layer, device);
    // The choice knows the mean density only; the fullest chunk may be larger.
    const std::int64_t most = layer.slot_bytes.empty() ? 0
                                                       : *std::max_element(layer.slot_bytes.begin(),
                                                                           layer.slot_bytes.end());
    const std::int64_t room = device.core_memory - device.silicon.stack_bytes;
    if (core_bytes(layer.pieces, most) <= room) return;
    layer.shape.margin *= 1.2;
  }
}

NetworkPlan plan_network(const Int8Network& network, const aie::Device& device,
                         const CodegenOptions& options) {
  NetworkPlan plan;
  plan.shims = ShimMap(device);
  if (plan.shims.any_shared()) plan.shim_budget = device.silicon.shim.descriptors;
  plan.layout = lay_out(network);
  for (std::size_t i = 0; i < network.operations.size(); ++i) {
    const Int8Op& op = network.operations[i];
    if (!is_computed(op.kind)) continue;
    LayerPlan& layer = plan.layers.emplace_back();
    layer.operation = i;
    layer.shape = shape_of(network, i, options);
    if (options.compress_weights) layer.slot_align = 32;
    map_layer(network, device, options, layer);
  }
  plan.resident = may_be_resident(network, plan, device);
  if (!options.keep_in_memtiles) plan.resident.assign(plan.resident.size(), false);
  plan.preload.assign(plan.layers.size(), true);
  find_room(network, device, options, plan);
  return plan;
}

}  // namespace wbs::compiler
