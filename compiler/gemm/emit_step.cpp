#include <fmt/format.h>

#include <array>
#include <vector>

#include "compiler/gemm/emit.hpp"

namespace wbs::compiler {
namespace {

using aie::Descriptor;
using aie::Direction;
using aie::TileId;
using aie::TileKind;

constexpr std::uint8_t kSendC = 2;     ///< MM2S of a Memtile, to the shim
constexpr std::uint8_t kCollectC = 2;  ///< S2MM of a Memtile: core of row 0, then the next rows

std::uint32_t u32(std::int64_t value) {
  return static_cast<std::uint32_t>(value);
}
std::uint64_t u64(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}
std::int32_t i32(std::int64_t value) {
  return static_cast<std::int32_t>(value);
}

TileId tile_at(TileKind kind, std::int64_t column, std::int64_t row = 0) {
  return {kind, static_cast<std::int16_t>(column), static_cast<std::int16_t>(row)};
}

/// Emits one step. Lengths in 32-bit words.
class StepEmitter {
 public:
  StepEmitter(const Gemm& gemm, const GemmTile& tile, const aie::Device& device,
              const BlockGrid& range)
      : gemm_(gemm),
        tile_(tile),
        device_(device),
        range_(range),
        grid_(gemm_grid(gemm, tile, device)),
        element_(operand_bytes(gemm.types)),
        result_(result_bytes(gemm.types)),
        row_words_(grid_.panels * tile.panel * element_ / 4),
        c_row_words_(grid_.blocks_n * device.columns * tile.n * result_ / 4),
        step_(device,
              fmt::format("blocks {}..{} x {}..{}", range.m, range.m + range.m_count - 1, range.n,
                          range.n + range.n_count - 1),
              0) {}

  aie::Step run(bool iterate_b) {
    for (std::int64_t row = 0; row < device_.rows; ++row) feed_a(row);
    for (std::int64_t column = 0; column < device_.columns; ++column) {
      feed_b(column, iterate_b);
      collect_c(column);
      for (std::int64_t row = 0; row < device_.rows; ++row) {
        const GemmCore core{.id = tile_at(TileKind::core, column, row),
                            .blocks = range_.blocks(),
                            .calls = grid_.calls};
        emit_gemm_core(gemm_, tile_, core, step_);
      }
    }
    return step_.take();
  }

 private:
  /// The column whose shim and Memtile feed A to a row of cores.
  [[nodiscard]] std::int64_t feeder(std::int64_t row) const {
    return row * device_.columns / device_.rows;
  }

  /// `rows` rows of a panel after another, for all panels.
  [[nodiscard]] Descriptor read_rows(std::uint16_t buffer, std::int64_t first_row,
                                     std::int64_t rows) const {
    const std::int64_t run = tile_.panel * element_ / 4;
    Descriptor read;
    read.memory = aie::MemoryOf::ddr;
    read.ddr_buffer = buffer;
    read.address = u64(first_row * row_words_ * 4);
    read.words = u32(run * rows * grid_.panels);
    read.dimensions = {{u32(run), 1}, {u32(rows), i32(row_words_)}, {u32(grid_.panels), i32(run)}};
    return read;
  }

  void feed_a(std::int64_t row) {
    const std::int64_t column = feeder(row);
    const ChannelId shim{tile_at(TileKind::shim, column), Direction::mm2s, kChannelA};
    for (std::int64_t i = 0; i < range_.m_count; ++i) {
      const std::int64_t first = ((range_.m + i) * device_.rows + row) * tile_.m;
      step_.task(shim, step_.descriptor(shim, read_rows(kBufferA, first, tile_.m)),
                 u32(range_.n_count));
    }
    std::vector<ChannelId> cores;
    for (std::int64_t to = 0; to < device_.columns; ++to) {
      cores.push_back({tile_at(TileKind::core, to, row), Direction::s2mm, kChannelA});
    }
    pass_on(column, kChannelA, tile_.m, 0, cores);
  }

  void feed_b(std::int64_t column, bool iterate) {
    const ChannelId shim{tile_at(TileKind::shim, column), Direction::mm2s, kChannelB};
    const std::int64_t block = tile_.n * device_.columns;  // rows of B as stored: columns
    const auto read = [&](std::int64_t index) {
      return read_rows(kBufferB, (range_.n + index) * block + column * tile_.n, tile_.n);
    };
    if (iterate) {
      Descriptor all = read(0);
      if (range_.n_count > 1) all.iteration = {u32(range_.n_count), i32(block * row_words_)};
      step_.task(shim, step_.descriptor(shim, all), u32(range_.blocks()));
    } else {
      std::vector<Descriptor> blocks;
      for (std::int64_t i = 0; i < range_.n_count; ++i) blocks.push_back(read(i));
      step_.task(shim, step_.chain(shim, blocks), u32(range_.m_count));
    }
    std::vector<ChannelId> cores;
    for (std::int64_t to = 0; to < device_.rows; ++to) {
      cores.push_back({tile_at(TileKind::core, column, to), Direction::s2mm, kChannelB});
    }
    pass_on(column, kChannelB, tile_.n, 2 * panel_bytes(tile_.m), cores);
  }

  [[nodiscard]] std::int64_t panel_bytes(std::int64_t rows) const {
    return rows * tile_.panel * element_;
  }

  /// Panels of `rows` rows from the shim into two slots at `address`, and from there to the cores,
  /// operand by operand: 8 elements along k of each row, then the next 8.
  void pass_on(std::int64_t column, std::uint8_t channel, std::int64_t rows, std::int64_t address,
               const std::vector<ChannelId>& cores) {
    const TileId memtile = tile_at(TileKind::memtile, column);
    const SlotLocks locks = slot_locks(step_, memtile, 2);
    const std::int64_t words = panel_bytes(rows) / 4;
    const ChannelId receive{memtile, Direction::s2mm, channel};
    const ChannelId send{memtile, Direction::mm2s, channel};
    Descriptor in;
    in.address = u64(address);
    in.words = u32(words);
    in.iteration = {2, i32(words)};
    in.acquire = {locks.free, 1};
    in.release = {locks.filled, 1};
    Descriptor out = in;
    const std::int64_t operand = 8 * element_ / 4;
    out.dimensions = {{u32(operand), 1},
                      {u32(rows), i32(tile_.panel * element_ / 4)},
                      {u32(tile_.panel / 8), i32(operand)}};
    out.acquire = {locks.filled, 1};
    out.release = {locks.free, 1};
    const std::uint32_t runs = u32(range_.blocks() * grid_.panels);
    step_.task(receive, step_.descriptor(receive, in), runs);
    step_.task(send, step_.descriptor(send, out), runs);
    const ChannelId shim{tile_at(TileKind::shim, column), Direction::mm2s, channel};
    step_.route(shim, std::array{receive});
    step_.route(send, cores);
  }

  /// Tiles of C, two of each core of the column, on their way to external memory.
  void collect_c(std::int64_t column) {
    const TileId memtile = tile_at(TileKind::memtile, column);
    const std::int64_t bytes = tile_.m * tile_.n * result_;
    const std::int64_t base = 2 * (panel_bytes(tile_.m) + panel_bytes(tile_.n));
    const std::int64_t operand = 8 * result_ / 4;
    const ChannelId send{memtile, Direction::mm2s, kSendC};
    std::vector<Descriptor> parts;
    for (std::int64_t row = 0; row < device_.rows; ++row) {
      const SlotLocks locks = slot_locks(step_, memtile, 2);
      const ChannelId receive{memtile, Direction::s2mm, static_cast<std::uint8_t>(kCollectC + row)};
      Descriptor in;
      in.address = u64(base + row * bytes);
      in.words = u32(bytes / 4);
      // The core stores 8 columns of all rows, then the next 8.
      in.dimensions = {{u32(operand), 1},
                       {u32(tile_.m), i32(tile_.n * result_ / 4)},
                       {u32(tile_.n / 8), i32(operand)}};
      in.iteration = {2, i32(device_.rows * bytes / 4)};
      in.acquire = {locks.free, 1};
      in.release = {locks.filled, 1};
      Descriptor out = in;
      out.dimensions.clear();
      out.acquire = {locks.filled, 1};
      out.release = {locks.free, 1};
      step_.task(receive, step_.descriptor(receive, in), u32(range_.blocks()));
      parts.push_back(out);
      const ChannelId core{tile_at(TileKind::core, column, row), Direction::mm2s, 0};
      step_.route(core, std::array{receive});
    }
    step_.task(send, step_.chain(send, parts), u32(range_.blocks()));
    const ChannelId shim{tile_at(TileKind::shim, column), Direction::s2mm, 0};
    for (std::int64_t i = 0; i < range_.m_count; ++i) {
      step_.task(shim, step_.descriptor(shim, write_c(column, range_.m + i)));
    }
    step_.route(send, std::array{shim});
  }

  /// One row of blocks of C, those of this step, as the Memtile of the column sends them.
  [[nodiscard]] Descriptor write_c(std::int64_t column, std::int64_t block) const {
    const std::int64_t words = tile_.n * result_ / 4;
    const std::int64_t rows = device_.rows * tile_.m;
    const std::int64_t first = range_.n * device_.columns + column;
    Descriptor write;
    write.memory = aie::MemoryOf::ddr;
    write.ddr_buffer = kBufferC;
    write.address = u64((block * rows * c_row_words_ + first * words) * 4);
    write.words = u32(words * rows * range_.n_count);
    write.dimensions = {{u32(words), 1},
                        {u32(rows), i32(c_row_words_)},
                        {u32(range_.n_count), i32(words * device_.columns)}};
    return write;
  }

  const Gemm& gemm_;
  const GemmTile& tile_;
  const aie::Device& device_;
  BlockGrid range_;
  GemmGrid grid_;
  std::int64_t element_, result_;
  std::int64_t row_words_;    ///< of A, and of B as stored
  std::int64_t c_row_words_;  ///< of C
  StepBuilder step_;
};

}  // namespace

aie::Step emit_gemm_step(const Gemm& gemm, const GemmTile& tile, const aie::Device& device,
                         const BlockGrid& range, bool iterate_b) {
  return StepEmitter(gemm, tile, device, range).run(iterate_b);
}

}  // namespace wbs::compiler
