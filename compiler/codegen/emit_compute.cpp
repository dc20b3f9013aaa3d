// One compute phase: what Memtiles send, what cores do with it, and where the results go.
#include <algorithm>
#include <array>

#include "compiler/codegen/accesses.hpp"
#include "compiler/codegen/core_program.hpp"
#include "compiler/codegen/emit.hpp"

namespace wbs::compiler {
namespace {

using aie::Direction;
using networks::Int8Op;

/// Where a piece of `count` elements begins when the last piece may overlap the one before.
std::int64_t piece_begin(std::int64_t index, std::int64_t size, std::int64_t whole) {
  return std::min(index * size, whole - size);
}

class ComputeEmitter {
 public:
  ComputeEmitter(const EmitContext& context, const Phase& phase, StepBuilder& step)
      : context_(context),
        device_(*context.device),
        phase_(phase),
        layer_(context.plan->layers[phase.layer]),
        op_(context.network->operations[layer_.operation]),
        step_(step),
        shared_(device_.rows > kColumnStreams) {}

  void run() {
    for (std::int64_t column = 0; column < device_.columns; ++column) {
      if (column_blocks(layer_, device_, column).count == 0) continue;
      if (layer_.shape.shares_input(layer_.mapping.split)) {
        send_image(column);
      } else {
        send_to_each(column);
      }
      receive_results(column);
    }
    if (has_weights(layer_.shape.kernel)) emit_weights(context_, phase_, step_);
  }

 private:
  std::int64_t y_tiles(std::int64_t core) const {
    const std::int64_t rows = core_rows(layer_, device_, core).count;
    return (rows + layer_.mapping.tile_rows - 1) / layer_.mapping.tile_rows;
  }

  /// Tiles of a core in this step, in the order in which it computes them.
  template <typename Function>
  void for_each_tile(std::int64_t core, Function&& function) const {
    const RowRange rows = core_rows(layer_, device_, core);
    for (std::int64_t x = phase_.x_tile; x < phase_.x_tile + phase_.x_tiles; ++x) {
      for (std::int64_t y = 0; y < y_tiles(core); ++y) {
        function(rows.first + piece_begin(y, layer_.mapping.tile_rows, rows.count),
                 piece_begin(x, layer_.mapping.tile_columns, layer_.shape.out_columns));
      }
    }
  }
  std::int64_t tiles(std::int64_t core) const { return y_tiles(core) * phase_.x_tiles; }

  /// How often a core gets all tiles of the input.
  std::int64_t input_rounds() const { return layer_.mapping.keep_input ? 1 : phase_.chunks; }

  /// The input pixels of the tile whose first output is (row, col) of the strip.
  Access input_access(std::size_t input, std::int64_t column, BlockRange blocks, std::int64_t row,
                      std::int64_t col) const {
    const LayerShape& s = layer_.shape;
    const Strip& strip = phase_.inputs[input];
    const std::int64_t top =
        (strip_first_row(layer_, column, phase_.index) + row) * s.stride_rows - s.pad_top;
    const std::int64_t left = col * s.stride_columns - s.pad_left;
    const std::int64_t above = std::max<std::int64_t>(0, -top);
    const std::int64_t before = std::max<std::int64_t>(0, -left);
    const std::int64_t below =
        std::max<std::int64_t>(0, top + layer_.pieces.tile_in_rows - s.in_rows);
    const std::int64_t after =
        std::max<std::int64_t>(0, left + layer_.pieces.tile_in_columns - s.in_columns);
    const std::int64_t rows = layer_.pieces.tile_in_rows - above - below;
    const std::int64_t columns = layer_.pieces.tile_in_columns - before - after;
    Access access;
    access.address = strip_address(*context_.plan, strip, column, blocks.first,
                                   place(op_.inputs[input]).row + top + above) +
                     static_cast<std::uint64_t>((left + before) * 8);
    access.dimensions = {
        {u32(columns * 2), 1},
        {u32(rows), static_cast<std::int32_t>(s.in_columns * 2)},
        {u32(blocks.count), static_cast<std::int32_t>(strip.stored_rows * s.in_columns * 2)}};
    access.pad_before = {u16(before * 2), u16(above), 0};
    access.pad_after = {u16(after * 2), u16(below), 0};
    return access;
  }

  LoopLimits memtile_limits() const {
    const aie::TileLimits& limits = device_.silicon.memtile;
    LoopLimits loops;
    loops.dimensions = static_cast<std::size_t>(limits.dimensions);
    loops.count = u32(limits.max_count);
    loops.iteration = u32(limits.max_iteration);
    return loops;
  }

  const Place& place(std::size_t operation) const {
    return context_.plan->layout.places[operation];
  }
  std::int64_t input_block(std::size_t input) const { return place(op_.inputs[input]).block; }

  /// Convolutions: every core of the column gets all input channels, once per chunk.
  void send_image(std::int64_t column) {
    std::vector<Access> accesses;
    const BlockRange blocks{input_block(0), layer_.shape.in_blocks};
    for (std::int64_t chunk = 0; chunk < input_rounds(); ++chunk) {
      for_each_tile(0, [&](std::int64_t row, std::int64_t col) {
        accesses.push_back(input_access(0, column, blocks, row, col));
      });
    }
    const ChannelId source{mem_tile(column), Direction::mm2s, kInputChannel};
    add_accesses(step_, source, accesses, memtile_limits());
    std::vector<ChannelId> cores;
    for (std::int64_t row = 0; row < device_.rows; ++row) {
      cores.push_back({core_tile_at(column, row), Direction::s2mm, 0});
    }
    step_.route(source, cores);
  }

  /// Rows of cores that share stream `stream` of the column.
  std::vector<std::int64_t> rows_of_stream(std::int64_t stream) const {
    std::vector<std::int64_t> rows;
    for (std::int64_t row = stream; row < device_.rows; row += kColumnStreams) rows.push_back(row);
    return rows;
  }

  /// Blocks of the input that a core of its own stream needs; none where it computes nothing.
  BlockRange input_blocks(std::int64_t column, std::int64_t core) const {
    const BlockRange out = chunk_blocks(layer_, device_, column, core, phase_.chunk);
    if (out.count == 0 || !layer_.shape.convolution()) return out;
    return {0, layer_.shape.in_blocks};
  }

  /// Operations on channels and splits by pixels: each core gets what it needs, of every operand.
  /// Cores that share a stream get their tiles in turn.
  void send_to_each(std::int64_t column) {
    for (std::int64_t stream = 0; stream < std::min(device_.rows, kColumnStreams); ++stream) {
      const ChannelId source{mem_tile(column), Direction::mm2s,
                             static_cast<std::uint8_t>(kInputChannel + stream)};
      std::vector<std::int64_t> cores;
      for (const std::int64_t core : rows_of_stream(stream)) {
        if (input_blocks(column, core).count > 0) cores.push_back(core);
      }
      if (cores.empty()) continue;
      add_accesses(step_, source, inputs_in_turn(column, cores), memtile_limits());
      const int group = step_.new_group();
      for (const std::int64_t core : cores) {
        step_.route(source, std::array{ChannelId{core_tile_at(column, core), Direction::s2mm, 0}},
                    static_cast<std::int16_t>(shared_ ? core : -1), group);
      }
    }
  }

  /// What a core gets for one tile: every operand, or the pixels that a convolution reads and, of a
  /// second input, those that it adds.
  std::vector<Access> operands_of(std::int64_t column, std::int64_t core, std::int64_t round,
                                  std::int64_t row, std::int64_t col) const {
    std::vector<Access> accesses;
    const BlockRange blocks = input_blocks(column, core);
    const std::size_t inputs = layer_.shape.adds ? 1 : op_.inputs.size();
    for (std::size_t i = 0; i < inputs; ++i) {
      const BlockRange in{input_block(i) + blocks.first, blocks.count};
      accesses.push_back(input_access(i, column, in, row, col));
    }
    if (layer_.shape.adds) {
      const BlockRange added = added_blocks(column, core, round);
      if (added.count > 0) {
        accesses.push_back(
            tile_access(phase_.inputs[1], place(op_.inputs[1]), column, added, row, col));
      }
    }
    for (Access& access : accesses) {
      if (shared_) access.packet = static_cast<std::int16_t>(core);
    }
    return accesses;
  }

  /// Blocks of the second input in a round: of one chunk, or of all where the input stays.
  BlockRange added_blocks(std::int64_t column, std::int64_t core, std::int64_t round) const {
    BlockRange blocks = chunk_blocks(layer_, device_, column, core, phase_.chunk + round);
    if (!layer_.mapping.keep_input) return blocks;
    const BlockRange last =
        chunk_blocks(layer_, device_, column, core, phase_.chunk + phase_.chunks - 1);
    blocks.count = last.first + last.count - blocks.first;
    return blocks;
  }

  std::vector<Access> inputs_in_turn(std::int64_t column,
                                     const std::vector<std::int64_t>& cores) const {
    std::vector<std::vector<std::vector<Access>>> of_core;
    std::size_t turns = 0;
    for (const std::int64_t core : cores) {
      auto& tiles = of_core.emplace_back();
      for (std::int64_t round = 0; round < input_rounds(); ++round) {
        for_each_tile(core, [&](std::int64_t row, std::int64_t col) {
          tiles.push_back(operands_of(column, core, round, row, col));
        });
      }
      turns = std::max(turns, tiles.size());
    }
    std::vector<Access> all;
    for (std::size_t turn = 0; turn < turns; ++turn) {
      for (const auto& tiles : of_core) {
        if (turn < tiles.size()) all.insert(all.end(), tiles[turn].begin(), tiles[turn].end());
      }
    }
    return all;
  }

  /// A tile of the result's shape at (row, col) of the strip, of a tensor at `place`.
  Access tile_access(const Strip& strip, const Place& place, std::int64_t column, BlockRange blocks,
                     std::int64_t row, std::int64_t col) const {
    const std::int64_t columns = layer_.shape.out_columns;
    Access access;
    access.address =
        strip_address(*context_.plan, strip, column, place.block + blocks.first,
                      place.row + strip_first_row(layer_, column, phase_.index) + row) +
        static_cast<std::uint64_t>(col * 8);
    access.dimensions = {
        {u32(layer_.mapping.tile_columns * 2), 1},
        {u32(layer_.mapping.tile_rows), static_cast<std::int32_t>(columns * 2)},
        {u32(blocks.count), static_cast<std::int32_t>(strip.stored_rows * columns * 2)}};
    return access;
  }

  Access result_access(std::int64_t column, BlockRange blocks, std::int64_t row,
                       std::int64_t col) const {
    return tile_access(phase_.output, place(layer_.operation), column, blocks, row, col);
  }

  /// The results of a core, in the order in which it sends them.
  std::vector<Access> results(std::int64_t column, std::int64_t row) const {
    std::vector<Access> accesses;
    const auto add = [&](std::int64_t chunk, std::int64_t y, std::int64_t x) {
      const BlockRange blocks = chunk_blocks(layer_, device_, column, row, chunk);
      if (blocks.count > 0) accesses.push_back(result_access(column, blocks, y, x));
    };
    const std::int64_t end = phase_.chunk + phase_.chunks;
    if (layer_.mapping.keep_input) {
      for_each_tile(row, [&](std::int64_t y, std::int64_t x) {
        for (std::int64_t chunk = phase_.chunk; chunk < end; ++chunk) add(chunk, y, x);
      });
      return accesses;
    }
    for (std::int64_t chunk = phase_.chunk; chunk < end; ++chunk) {
      for_each_tile(row, [&](std::int64_t y, std::int64_t x) { add(chunk, y, x); });
    }
    return accesses;
  }

  void receive_results(std::int64_t column) {
    std::array<int, kColumnStreams> groups{};
    for (int& group : groups) group = step_.new_group();
    for (std::int64_t row = 0; row < device_.rows; ++row) {
      CoreJob job{column, row, deliveries_of(layer_, device_, phase_), tiles(row), -1, {}};
      const std::vector<Access> accesses = results(column, row);
      const ChannelId target{mem_tile(column), Direction::s2mm,
                             static_cast<std::uint8_t>(kOutputChannel + row % kColumnStreams)};
      const ChannelId source{core_tile_at(column, row), Direction::mm2s, 0};
      const int group = groups[static_cast<std::size_t>(row % kColumnStreams)];
      if (shared_ && !accesses.empty()) {
        job.packet = static_cast<std::int16_t>(row);
        job.targets = add_packets(step_, target, accesses, memtile_limits());
        step_.route(source, std::array{target}, job.packet, group);
      } else if (!accesses.empty()) {
        add_accesses(step_, target, accesses, memtile_limits());
        step_.route(source, std::array{target});
      }
      emit_core(context_, phase_, job, step_);
    }
  }

  const EmitContext& context_;
  const aie::Device& device_;
  const Phase& phase_;
  const LayerPlan& layer_;
  const Int8Op& op_;
  StepBuilder& step_;
  bool shared_;
};

}  // namespace

void emit_compute(const EmitContext& context, const Phase& phase, StepBuilder& step) {
  ComputeEmitter(context, phase, step).run();
}

}  // namespace wbs::compiler
