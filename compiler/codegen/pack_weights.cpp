#include "compiler/codegen/pack_weights.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "aie_model/program/compression.hpp"
#include "compiler/codegen/emit.hpp"
#include "compiler/codegen/shim_use.hpp"

namespace wbs::compiler {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// Memtile channels that carry weights of convolutions: those that inputs leave free.
constexpr std::array<std::uint8_t, 4> kConvChannels{1, 3, 2, 4};
/// Where each core has an input stream of its own, channels 0 to 3 are taken.
constexpr std::uint8_t kLastChannel = 4;

/// A chunk for one row of cores, as long as its slot.
struct Chunk {
  std::int64_t row = 0;
  Bytes bytes;
};

/// All chunks of a column: by number, in the order of groups and rows.
struct ColumnChunks {
  std::int64_t column = 0;
  bool alone = true;
  std::vector<std::vector<Chunk>> chunks;
};

Bytes compressed_bytes(const Bytes& bytes) {
  std::vector<std::uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  const std::vector<std::uint32_t> stream = aie::compress(words);
  Bytes result(stream.size() * 4);
  std::memcpy(result.data(), stream.data(), result.size());
  return result;
}

ColumnChunks encode_column(const EmitContext& context, const Phase& phase, std::int64_t column) {
  const LayerPlan& layer = context.plan->layers[phase.layer];
  const networks::Int8Op& op = context.network->operations[layer.operation];
  const std::int64_t in_channels = context.network->operations[op.inputs.front()].output.channels;
  const bool pieces = layer.pieces.pieces > 1;
  ColumnChunks all{column, true, {}};
  const auto groups = weights_groups(*context.plan, *context.device, phase, column);
  for (std::int64_t n = 0; n < distinct_chunks(layer, phase); ++n) {
    std::vector<Chunk>& chunks = all.chunks.emplace_back();
    for (const WeightsGroup& group : groups) {
      for (const std::int64_t row : group.rows) {
        const BlockRange out =
            chunk_blocks(layer, *context.device, column, row, phase.chunk + (pieces ? 0 : n));
        Bytes bytes = encode_chunk(op, in_channels, layer.kept.skip_zero, layer.shape.kernel,
                                   chunk_span(layer, out, pieces ? n : 0));
        bytes.resize(static_cast<std::size_t>(
            layer.slot_bytes[static_cast<std::size_t>(column * context.device->rows + row)]));
        chunks.push_back({row, std::move(bytes)});
      }
    }
  }
  return all;
}

std::vector<ColumnChunks> encode_all(const EmitContext& context, const Phase& phase) {
  const LayerPlan& layer = context.plan->layers[phase.layer];
  std::vector<ColumnChunks> all;
  for (const ShimMap::Group& shim : context.plan->shims.groups()) {
    const auto columns = weights_columns(layer, *context.device, shim);
    for (const std::int64_t column : columns) {
      all.push_back(encode_column(context, phase, column));
      all.back().alone = columns.size() == 1;
    }
  }
  return all;
}

/// Notes the sizes of all chunks if compression makes them smaller together.
void consider_compression(const std::vector<ColumnChunks>& all, PackedWeights& packed) {
  std::uint64_t plain = 0, squeezed = 0;
  for (const ColumnChunks& column : all) {
    for (const std::vector<Chunk>& chunks : column.chunks) {
      for (const Chunk& chunk : chunks) {
        const std::uint32_t size = aie::compressed_words(chunk.bytes);
        packed.sizes[{column.column, chunk.row}].push_back(size);
        plain += chunk.bytes.size() / 4;
        squeezed += size;
      }
    }
  }
  packed.compressed = squeezed < plain;
  if (!packed.compressed) packed.sizes.clear();
}

void append(const ColumnChunks& column, std::int64_t lanes, PackedWeights& packed, Bytes& all) {
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    all.resize((all.size() + 63) / 64 * 64);
    std::vector<std::uint64_t>& begin = packed.begin[{column.column, lane}];
    for (std::size_t n = static_cast<std::size_t>(lane); n < column.chunks.size();
         n += static_cast<std::size_t>(lanes)) {
      begin.push_back(all.size());
      for (const Chunk& chunk : column.chunks[n]) {
        const bool squeeze = packed.compressed && column.alone;
        const Bytes& bytes = squeeze ? compressed_bytes(chunk.bytes) : chunk.bytes;
        all.insert(all.end(), bytes.begin(), bytes.end());
      }
    }
    begin.push_back(all.size());
  }
}

}  // namespace

std::vector<WeightsGroup> weights_groups(const NetworkPlan& plan, const aie::Device& device,
                                         const Phase& phase, std::int64_t column) {
  const LayerPlan& layer = plan.layers[phase.layer];
  const std::vector<std::int64_t> rows = weight_rows(layer, device, column);
  std::vector<WeightsGroup> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::uint8_t channel = layer.shape.shares_input(layer.mapping.split)
                                     ? kConvChannels.at(i % kConvChannels.size())
                                     : kLastChannel;
    auto it = std::find_if(groups.begin(), groups.end(),
                           [&](const WeightsGroup& group) { return group.channel == channel; });
    if (it == groups.end()) it = groups.insert(groups.end(), {channel, {}, 0, 0});
    it->rows.push_back(rows[i]);
    it->bytes += layer.slot_bytes[static_cast<std::size_t>(column * device.rows + rows[i])];
  }
  std::int64_t address = plan.regions[phase.weights_region].address;
  for (WeightsGroup& group : groups) {
    group.address = address;
    address += kRingSlots * group.bytes;
  }
  return groups;
}

std::int64_t weights_lanes(const LayerPlan& layer, const aie::Device& device, const Phase& phase,
                           bool alone) {
  // Even and odd chunks come through different channels, so both must stay even and odd when the
  // sequence repeats.
  const std::int64_t distinct = distinct_chunks(layer, phase);
  const bool halves =
      distinct > 1 && (distinct % 2 == 0 || deliveries_of(layer, device, phase) == distinct);
  return halves && alone ? 2 : 1;
}

const PackedWeights& pack_weights(const EmitContext& context, const Phase& phase) {
  const auto [it, added] = context.packed->try_emplace(phase.weights_region);
  PackedWeights& packed = it->second;
  if (!added) return packed;
  const LayerPlan& layer = context.plan->layers[phase.layer];
  const std::vector<ColumnChunks> all = encode_all(context, phase);
  if (context.compress_weights) consider_compression(all, packed);
  for (const ColumnChunks& column : all) {
    append(column, weights_lanes(layer, *context.device, phase, column.alone), packed,
           *context.weights);
  }
  return packed;
}

std::uint32_t chunk_size(const EmitContext& context, const Phase& phase, std::int64_t column,
                         std::int64_t row, std::int64_t n) {
  const PackedWeights& packed = pack_weights(context, phase);
  if (!packed.compressed) return 0;
  const std::vector<std::uint32_t>& sizes = packed.sizes.at({column, row});
  return sizes[static_cast<std::size_t>(n) % sizes.size()];
}

}  // namespace wbs::compiler
