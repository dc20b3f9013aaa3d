#include "compiler/codegen/mapping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>

#include "aie_model/kernels/kernel_model.hpp"
#include "compiler/codegen/imbalance.hpp"
#include "compiler/codegen/shim_map.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Bytes of a weights chunk: kept lists, bias, shifts, operands (kernel_call.hpp).
std::int64_t chunk_estimate(const LayerShape& shape, std::int64_t out, std::int64_t in) {
  if (shape.kernel == aie::Kernel::depthwise) return out * 8 * (5 + shape.taps());
  if (!shape.convolution()) return 0;
  // A margin for chunks that keep more than the mean.
  const bool sparse = shape.kernel == aie::Kernel::conv_sparse4;  // pairs of input blocks
  const double operands = static_cast<double>(out * (sparse ? ceil_div(in, 2) : in));
  const double kept = std::min(
      operands, shape.margin * (shape.density * operands +
                                3.0 * std::sqrt(shape.density * (1 - shape.density) * operands)));
  const double bytes = (sparse ? 80.0 : 64.0) * std::ceil(kept);
  return static_cast<std::int64_t>(
             std::ceil(bytes * static_cast<double>(shape.taps()) + 2 * kept)) +
         out * 44 + 8;
}

aie::KernelCall probe_call(const LayerShape& shape, const Mapping& mapping, const Pieces& pieces) {
  aie::KernelCall call;
  call.kernel = shape.kernel;
  const auto u16 = [](std::int64_t value) { return static_cast<std::uint16_t>(value); };
  call.in = {u16(shape.convolution() ? mapping.piece_blocks : mapping.chunk_blocks),
             u16(pieces.tile_in_rows), u16(pieces.tile_in_columns)};
  call.out = {u16(mapping.chunk_blocks), u16(mapping.tile_rows), u16(mapping.tile_columns)};
  call.window = {static_cast<std::uint8_t>(shape.window_rows),
                 static_cast<std::uint8_t>(shape.window_columns)};
  call.stride = {static_cast<std::uint8_t>(shape.stride_rows),
                 static_cast<std::uint8_t>(shape.stride_columns)};
  call.begin = call.finish = true;
  call.adds = shape.adds;
  return call;
}

/// Cycles of a call that keeps a fractional number of operands.
double cycles_of(const aie::KernelCall& call, double kept, const aie::Device& device) {
  const double whole = std::floor(kept);
  const auto low = static_cast<std::uint32_t>(whole);
  const auto base = static_cast<double>(call_cycles(call, low, device));
  const double part = kept - whole;
  if (part <= 0) return base;
  return base + part * (static_cast<double>(call_cycles(call, low + 1, device)) - base);
}

double core_cycles(const LayerShape& shape, const Mapping& mapping, const Pieces& pieces,
                   const aie::Device& device) {
  aie::KernelCall call = probe_call(shape, mapping, pieces);
  const double kept = busiest_kept(shape, mapping, pieces, device);
  const auto k = static_cast<double>(pieces.pieces);
  if (pieces.pieces == 1) return cycles_of(call, kept, device);
  call.finish = false;
  const double begin = cycles_of(call, kept, device);
  call.begin = false;
  const double middle = cycles_of(call, kept, device);
  call.finish = true;
  return begin + cycles_of(call, kept, device) + (k - 2) * middle;
}

/// What a split by channels costs outside of the layer: its tensors pass through DDR, so that the
/// input is stored and loaded, and the result too, where a split by rows keeps them in place.
double passage(const LayerShape& shape, const Pieces& p, const aie::Device& device) {
  constexpr double kSteps = 4 * 700;
  const std::int64_t sharers = columns_per_shim(device);
  const auto shims = static_cast<double>(device.columns) / static_cast<double>(sharers);
  const double in = static_cast<double>(shape.in_blocks * shape.in_rows * shape.in_columns * 8) *
                    static_cast<double>(shape.operands());
  const double out = static_cast<double>(shape.out_blocks * shape.out_rows * shape.out_columns * 8);
  // Columns that share a shim get the same input of a convolution at once.
  const std::int64_t loads = shape.convolution() ? 1 : sharers;
  const double load = static_cast<double>(p.strip_in_bytes * p.strips * loads) / 8;
  const double second = shape.adds ? out / 4 : 0.0;
  const double by_shims = kSteps + load + (in / 4 + out / 4 + out / 8 + second) / shims;
  const double dram = device.silicon.dram_bytes_per_cycle;
  if (dram <= 0) return by_shims;
  // Every column loads the input; reads and writes of external memory do not share its rate.
  const auto columns = static_cast<double>(device.columns);
  return std::max(by_shims, kSteps + (columns * load * 8 + 2 * out + in) / dram);
}

/// Estimated cycles of the layer: the busiest of core, streams, shim and DRAM, plus what each step
/// costs before anything overlaps.
double estimate(const LayerShape& shape, const Mapping& mapping, const Pieces& p,
                const aie::Device& device) {
  const auto d = [](std::int64_t value) { return static_cast<double>(value); };
  const double tiles = d(p.y_tiles * p.x_tiles);
  const double strips = d(p.strips);
  const double core = strips * d(p.chunks) * tiles * core_cycles(shape, mapping, p, device);
  const double sharing = d(ceil_div(device.rows, kColumnStreams));
  const double deliveries = strips * (mapping.keep_input ? 1.0 : d(p.chunks)) * tiles * d(p.pieces);
  const bool shared_input = shape.shares_input(mapping.split);
  const double second = strips * d(p.chunks) * tiles * d(p.second_bytes);
  const double in = shared_input ? deliveries * d(p.input_bytes) / 4
                                 : (deliveries * d(p.input_bytes) + second) * sharing / 4;
  const double weights = strips * d(p.chunks * p.pieces) *
                         (p.pieces > 1 || mapping.keep_input ? tiles : 1.0) * d(p.weight_bytes);
  const bool own_weights = mapping.split == Split::channels;
  const double weight_stream =
      weights / 4 * (own_weights ? (shared_input ? sharing : d(device.rows)) : 1.0);
  const double out = strips * d(p.chunks) * tiles * d(p.output_bytes) / 4 * sharing;
  const bool one_stream = mapping.split == Split::pixels;
  const std::int64_t sharers = columns_per_shim(device);
  const double rows_of_shim = one_stream ? 1.0
                              : own_weights
                                  ? d(device.rows)
                                  : d(ceil_div(device.rows, ceil_div(device.columns, sharers)));
  const double shim = own_weights && sharers > 1
                          ? weights * rows_of_shim * d(ceil_div(sharers, 2)) / 4
                          : weights * rows_of_shim / (p.chunks * p.pieces > 1 ? 8 : 4);
  const double all_weights =
      weights * (one_stream ? 1.0 : d(own_weights ? device.rows * device.columns : device.rows));
  const double spread = own_weights ? passage(shape, p, device) : 0.0;
  const double dram = device.silicon.dram_bytes_per_cycle > 0
                          ? all_weights / device.silicon.dram_bytes_per_cycle
                          : 0.0;
  const bool single = p.pieces > 1 || p.x_tiles > 1 || device.rows > kColumnStreams ||
                      !shape.convolution() || (shape.adds && !mapping.keep_input);
  const double steps =
      strips * (single ? d(p.chunks) : 1.0) * (device.rows > kColumnStreams ? d(p.x_tiles) : 1.0);
  const double first_weights = d(p.weight_bytes) * (p.chunks * p.pieces > 1 ? 2.0 : 1.0);
  const double start = 1200 + (d(p.input_bytes + p.output_bytes) + first_weights) / 4;
  return std::max({core, in, weight_stream, out, shim, dram}) + spread + steps * start;
}

bool fits(const LayerShape& shape, const Pieces& p, const aie::Device& device) {
  if (core_bytes(p, p.weight_bytes) > device.core_memory - device.silicon.stack_bytes) return false;
  return shape.window_rows <= 255 && shape.window_columns <= 255;
}

std::vector<std::int64_t> divisors(std::int64_t n) {
  std::vector<std::int64_t> result;
  for (std::int64_t d = n; d >= 1; --d) {
    if (n % d == 0) result.push_back(d);
  }
  return result;
}

/// ceil(n / 1), ceil(n / 2), ceil(n / 3), ...: the sizes of n cut into equal parts.
std::vector<std::int64_t> cuts(std::int64_t n, std::int64_t least) {
  std::set<std::int64_t, std::greater<>> sizes;
  for (std::int64_t parts = 1; parts <= n; ++parts) {
    const std::int64_t size = ceil_div(n, parts);
    if (size >= std::min(n, least)) sizes.insert(size);
  }
  return {sizes.begin(), sizes.end()};
}

/// The strips to try, the largest first: all of the column's rows if their Memtile buffers fit,
/// else a few sizes with room for the next strip's input and the last one's output beside them.
/// Some room is left for weights, and, beside strips of which several are alive, for other tensors.
std::vector<std::int64_t> strips_to_try(const LayerShape& shape, Mapping mapping,
                                        const aie::Device& device, double share) {
  constexpr std::size_t kMost = 3;
  constexpr double kWhole = 0.9, kSeveral = 0.75, kSum = 0.95;
  mapping.strip_rows = 1 << 30;
  const std::int64_t all = pieces_of(shape, mapping, device).column_rows;
  const double room = share * static_cast<double>(device.silicon.memtile.memory_bytes);
  std::vector<std::int64_t> strips;
  for (const std::int64_t rows : cuts(all, 1)) {
    const bool sum = shape.kernel == aie::Kernel::add;
    if (shape.in_place() && all % rows != 0) continue;
    mapping.strip_rows = rows;
    const Pieces p = pieces_of(shape, mapping, device);
    const auto bytes = static_cast<double>(p.strip_in_bytes + p.strip_out_bytes);
    const bool whole = rows == all;
    if (bytes * (whole ? 1 : 2) > room * (sum ? kSum : whole ? kWhole : kSeveral)) continue;
    strips.push_back(rows);
    if (whole || strips.size() == kMost) break;
  }
  return strips;
}

struct Search {
  const LayerShape& shape;
  const aie::Device& device;
  std::optional<Mapping> best;

  void consider(Mapping mapping) {
    const Pieces p = pieces_of(shape, mapping, device);
    if (!fits(shape, p, device)) return;
    mapping.cycles = estimate(shape, mapping, p, device);
    if (!best || mapping.cycles < best->cycles) best = mapping;
  }

  /// Results then come tile by tile, chunk by chunk: few descriptors say so only without several
  /// columns of tiles and with equal chunks; cores that share weights need the same number of
  /// tiles.
  [[nodiscard]] bool may_keep_input(const Mapping& mapping) const {
    const Pieces p = pieces_of(shape, mapping, device);
    const std::int64_t sharers =
        device.rows * (mapping.split == Split::channels ? device.columns : 1);
    const bool same = mapping.split == Split::pixels
                          ? ceil_div(p.column_rows / device.rows, mapping.tile_rows) == p.y_tiles
                          : shape.out_blocks % sharers == 0;
    return device.rows <= kColumnStreams && p.x_tiles == 1 && p.strips == 1 && same;
  }

  /// Where tiles may not overlap, they divide the rows of every core.
  [[nodiscard]] bool exact_rows(const Mapping& mapping, std::int64_t rows) const {
    if (!shape.in_place()) return true;
    if (mapping.split != Split::pixels) return mapping.strip_rows % rows == 0;
    return rows == 1 || mapping.strip_rows % (device.rows * rows) == 0;
  }

  /// Not where cores that wait for inputs in one stream and for weights in another, both in turn,
  /// could block each other: each piece of the input needs its weights before the next one.
  [[nodiscard]] bool may_come_in_pieces(Split split) const {
    if (split == Split::pixels) return false;
    const bool weights_in_turn = split == Split::channels || device.rows > device.columns;
    return !(shape.adds && device.rows > kColumnStreams && weights_in_turn);
  }

  void tiles_of(Mapping mapping, std::int64_t share) {
    const bool wide = shape.convolution();
    for (const std::int64_t columns : cuts(shape.out_columns, wide ? 4 : shape.out_columns)) {
      const std::int64_t across = ceil_div(shape.out_columns, columns);
      if (shape.in_place() && shape.out_columns % columns != 0) continue;
      // The two inputs alternate, so every column of tiles takes descriptors of its own.
      if (shape.adds && across > 2 && device.rows <= kColumnStreams) continue;
      mapping.tile_columns = columns;
      const bool pixels = mapping.split == Split::pixels;
      for (const std::int64_t rows :
           cuts(pixels ? mapping.strip_rows / device.rows : mapping.strip_rows, 1)) {
        if (!exact_rows(mapping, rows)) continue;
        mapping.tile_rows = rows;
        for (const std::int64_t chunk : divisors(share)) {
          mapping.chunk_blocks = chunk;
          if (!wide) {
            mapping.piece_blocks = 1;
            consider(mapping);
            continue;
          }
          for (const std::int64_t piece : divisors(shape.in_blocks)) {
            if (shape.kernel == aie::Kernel::conv_sparse4 && piece % 2 != 0 &&
                piece != shape.in_blocks) {
              continue;
            }
            if (piece != shape.in_blocks && !may_come_in_pieces(mapping.split)) break;
            mapping.piece_blocks = piece;
            mapping.keep_input = false;
            consider(mapping);
            if (piece == shape.in_blocks && chunk < share && may_keep_input(mapping)) {
              mapping.keep_input = true;
              consider(mapping);
            }
            if (best && best->piece_blocks == piece && piece == shape.in_blocks) break;
          }
        }
      }
    }
  }
};

}  // namespace

std::int64_t core_bytes(const Pieces& pieces, std::int64_t weight_bytes) {
  constexpr std::int64_t kAlignment = 256;  // of all buffers together
  return 2 * (pieces.input_bytes + pieces.output_bytes + pieces.second_bytes + weight_bytes) +
         pieces.accumulator_bytes + kAlignment;
}

Pieces pieces_of(const LayerShape& shape, const Mapping& mapping, const aie::Device& device) {
  Pieces p;
  const bool by_rows = mapping.split != Split::channels;
  p.column_rows = by_rows ? ceil_div(shape.out_rows, device.columns) : shape.out_rows;
  const std::int64_t strip = std::min(mapping.strip_rows, p.column_rows);
  p.strips = ceil_div(p.column_rows, strip);
  const bool pixels = mapping.split == Split::pixels;
  p.y_tiles = ceil_div(pixels ? ceil_div(strip, device.rows) : strip, mapping.tile_rows);
  p.x_tiles = ceil_div(shape.out_columns, mapping.tile_columns);
  const std::int64_t column_blocks =
      by_rows ? shape.out_blocks : ceil_div(shape.out_blocks, device.columns);
  p.share = pixels ? column_blocks : ceil_div(column_blocks, device.rows);
  p.chunks = ceil_div(p.share, mapping.chunk_blocks);
  p.pieces = shape.convolution() ? ceil_div(shape.in_blocks, mapping.piece_blocks) : 1;
  p.tile_in_rows = (mapping.tile_rows - 1) * shape.stride_rows + shape.window_rows;
  p.tile_in_columns = (mapping.tile_columns - 1) * shape.stride_columns + shape.window_columns;
  const std::int64_t in_blocks =
      shape.convolution() ? mapping.piece_blocks : mapping.chunk_blocks * shape.operands();
  p.input_bytes = in_blocks * p.tile_in_rows * p.tile_in_columns * 8;
  const std::int64_t tile_pixels = mapping.tile_rows * mapping.tile_columns;
  p.output_bytes = mapping.chunk_blocks * tile_pixels * 8;
  p.second_bytes = shape.adds ? p.output_bytes : 0;
  p.weight_bytes = chunk_estimate(shape, mapping.chunk_blocks, mapping.piece_blocks);
  p.accumulator_bytes = p.pieces > 1 ? mapping.chunk_blocks * tile_pixels * 32 : 0;
  const std::int64_t strip_in_rows =
      std::min(shape.in_rows, (strip - 1) * shape.stride_rows + shape.window_rows);
  const std::int64_t strip_in_blocks = (by_rows || shape.convolution())
                                           ? shape.in_blocks
                                           : ceil_div(shape.in_blocks, device.columns);
  p.strip_in_bytes = shape.operands() * strip_in_blocks * strip_in_rows * shape.in_columns * 8;
  // A sum overwrites an operand where it can.
  const std::int64_t result = column_blocks * strip * shape.out_columns * 8;
  p.strip_out_bytes = shape.in_place() ? 0 : result;
  if (shape.adds) p.strip_in_bytes += result;
  return p;
}

Mapping choose_mapping(const LayerShape& shape, const aie::Device& device, const std::string& name,
                       double memtile_share) {
  Search search{shape, device, std::nullopt};
  for (const Split split : {Split::rows, Split::channels, Split::pixels}) {
    if (split == Split::pixels && !shape.convolution()) continue;
    if (split == Split::channels && columns_per_shim(device) > most_shared_columns(device)) {
      continue;  // weights of more columns than a shim can describe
    }
    Mapping mapping;
    mapping.split = split;
    for (const std::int64_t strip : strips_to_try(shape, mapping, device, memtile_share)) {
      if (split == Split::pixels && strip < device.rows) continue;
      mapping.strip_rows = strip;
      search.tiles_of(mapping, pieces_of(shape, mapping, device).share);
    }
  }
  if (!search.best) {
    throw Error(
        ErrorKind::unsupported,
        fmt::format("node '{}': no piece of it fits the {} bytes of a core and the {} bytes "
                    "of a Memtile of device '{}'",
                    name, device.core_memory, device.silicon.memtile.memory_bytes, device.name));
  }
  return *search.best;
}

}  // namespace wbs::compiler
