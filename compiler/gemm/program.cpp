// The program of a product: shims read panels, Memtiles cut them into tiles and broadcast those,
// cores sum up, Memtiles collect the tiles of C of their column for the shim.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "compiler/codegen/step_builder.hpp"
#include "compiler/gemm/gemm.hpp"
#include "compiler/gemm/steps.hpp"

namespace wbs::compiler {
namespace {

using aie::CoreOp;
using aie::Descriptor;
using aie::Dimension;
using aie::Direction;
using aie::LockUse;
using aie::TileId;
using aie::TileKind;

constexpr std::int64_t kMostRows = 4;  // of cores: results of each have their own way to a Memtile

// DDR buffers.
constexpr std::uint16_t kA = 0, kB = 1, kC = 2;

// Channels. Of shims and cores the two that receive or send operands are 0 and 1, too.
constexpr std::uint8_t kChannelA = 0, kChannelB = 1;
constexpr std::uint8_t kSendC = 2;     ///< of a Memtile, to the shim
constexpr std::uint8_t kCollectC = 2;  ///< of a Memtile, from the core of row 0, then the next rows

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

/// Free and filled slots of a double buffer.
struct Locks {
  std::int16_t free = -1, filled = -1;
  [[nodiscard]] LockUse fill() const { return {free, 1}; }
};

/// Blocks of C of one step.
struct Range {
  std::int64_t m = 0, m_count = 0, n = 0, n_count = 0;
  [[nodiscard]] std::int64_t blocks() const { return m_count * n_count; }
};

/// Emits one step. Lengths in 32-bit words.
class StepEmitter {
 public:
  StepEmitter(const Gemm& gemm, const GemmTile& tile, const aie::Device& device, const Range& range)
      : tile_(tile),
        device_(device),
        range_(range),
        grid_(gemm_grid(gemm, tile, device)),
        types_(gemm.types),
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
      for (std::int64_t row = 0; row < device_.rows; ++row) emit_core(column, row);
    }
    return step_.take();
  }

 private:
  /// The column whose shim and Memtile feed A to a row of cores.
  [[nodiscard]] std::int64_t feeder(std::int64_t row) const {
    return row * device_.columns / device_.rows;
  }
  [[nodiscard]] Locks double_buffer(TileId id) { return {step_.lock(id, 2), step_.lock(id, 0)}; }

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
      step_.task(shim, step_.descriptor(shim, read_rows(kA, first, tile_.m)), u32(range_.n_count));
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
      return read_rows(kB, (range_.n + index) * block + column * tile_.n, tile_.n);
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
    const Locks locks = double_buffer(memtile);
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
      const Locks locks = double_buffer(memtile);
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
    write.ddr_buffer = kC;
    write.address = u64((block * rows * c_row_words_ + first * words) * 4);
    write.words = u32(words * rows * range_.n_count);
    write.dimensions = {{u32(words), 1},
                        {u32(rows), i32(c_row_words_)},
                        {u32(range_.n_count), i32(words * device_.columns)}};
    return write;
  }

  void emit_core(std::int64_t column, std::int64_t row) {
    const TileId id = tile_at(TileKind::core, column, row);
    const std::int64_t a = tile_.m * tile_.k * element_;
    const std::int64_t b = tile_.k * tile_.n * element_;
    const std::int64_t c_address = 2 * (a + b);
    const Locks a_locks = double_buffer(id);
    const Locks b_locks = double_buffer(id);
    const Locks c_locks{step_.lock(id, 1), step_.lock(id, 0)};
    receive_operand(id, kChannelA, 0, a, a_locks);
    receive_operand(id, kChannelB, 2 * a, b, b_locks);
    const ChannelId send{id, Direction::mm2s, 0};
    Descriptor out;
    out.address = u64(c_address);
    out.words = u32(tile_.m * tile_.n * result_ / 4);
    out.acquire = {c_locks.filled, 1};
    out.release = {c_locks.free, 1};
    step_.task(send, step_.descriptor(send, out), u32(range_.blocks()));

    aie::TileProgram& program = step_.tile(id);
    for (const bool begin : {true, false}) {
      aie::KernelCall& call = program.calls.emplace_back();
      call.kernel = aie::Kernel::gemm;
      call.input.ring = 0;
      call.second.ring = 1;
      call.output.address = u32(c_address);
      call.begin = begin;
      call.gemm = {static_cast<std::uint16_t>(tile_.m), static_cast<std::uint16_t>(tile_.k),
                   static_cast<std::uint16_t>(tile_.n)};
      call.gemm_types = types_;
    }
    write_code(program, a_locks, b_locks, c_locks);
  }

  void receive_operand(TileId id, std::uint8_t channel, std::int64_t address, std::int64_t bytes,
                       const Locks& locks) {
    const ChannelId receive{id, Direction::s2mm, channel};
    Descriptor in;
    in.address = u64(address);
    in.words = u32(bytes / 4);
    in.iteration = {2, i32(bytes / 4)};
    in.acquire = {locks.free, 1};
    in.release = {locks.filled, 1};
    step_.task(receive, step_.descriptor(receive, in), u32(range_.blocks() * grid_.calls));
    step_.tile(id).rings.push_back({u32(address), u32(bytes), 2, {}});
  }

  /// For each tile of C: wait until the last one has left, then sum up.
  void write_code(aie::TileProgram& program, const Locks& a, const Locks& b, const Locks& c) const {
    using Kind = CoreOp::Kind;
    const auto add = [&](Kind kind, std::uint32_t index = 0, std::int64_t count = 1) {
      program.code.push_back({kind, {}, index, u32(count)});
    };
    const auto lock = [&](Kind kind, std::int16_t id) {
      program.code.push_back({kind, {id, 1}, 0, 1});
    };
    const auto sum_up = [&](std::uint32_t call) {
      lock(Kind::acquire, a.filled);
      lock(Kind::acquire, b.filled);
      add(Kind::call, call);
      lock(Kind::release, a.free);
      lock(Kind::release, b.free);
      add(Kind::advance, 0);
      add(Kind::advance, 1);
    };
    add(Kind::begin, 0, range_.blocks());
    lock(Kind::acquire, c.free);
    sum_up(0);
    if (grid_.calls > 1) {
      add(Kind::begin, 0, grid_.calls - 1);
      sum_up(1);
      add(Kind::end);
    }
    lock(Kind::release, c.filled);
    add(Kind::end);
  }

  const GemmTile& tile_;
  const aie::Device& device_;
  Range range_;
  GemmGrid grid_;
  aie::GemmTypes types_;
  std::int64_t element_, result_;
  std::int64_t row_words_;    ///< of A, and of B as stored
  std::int64_t c_row_words_;  ///< of C
  StepBuilder step_;
};

void check_array(const aie::Device& device) {
  const auto refuse = [&](std::string_view why) {
    throw Error(ErrorKind::unsupported, fmt::format("products on {} ({} columns, {} rows): {}",
                                                    device.name, device.columns, device.rows, why));
  };
  if (device.rows > kMostRows) refuse("a Memtile collects results of at most 4 rows of cores");
  if (device.rows > device.columns) refuse("each row of cores needs a column that feeds it A");
  const auto with_ddr = device.silicon.shim_columns.size();
  if (with_ddr > 0 && with_ddr < static_cast<std::size_t>(device.columns)) {
    refuse(fmt::format("only {} columns reach external memory, every one has to", with_ddr));
  }
}

}  // namespace

aie::Program gemm_program(const Gemm& gemm, const GemmTile& tile, const aie::Device& device) {
  check_array(device);
  const std::string defect = tile_defect(gemm, tile, device);
  if (!defect.empty()) throw Error(ErrorKind::unsupported, defect);
  const GemmGrid grid = gemm_grid(gemm, tile, device);
  const std::int64_t m = grid.blocks_m * device.rows * tile.m;
  const std::int64_t n = grid.blocks_n * device.columns * tile.n;
  const std::int64_t k = grid.panels * tile.panel;
  aie::Program program;
  program.network = fmt::format("gemm {}x{}x{} {}", gemm.m, gemm.k, gemm.n, to_string(gemm.types));
  program.pattern = "dense";
  program.device = device.name;
  program.columns = device.columns;
  program.rows = device.rows;
  using Kind = aie::DdrBuffer::Kind;
  program.ddr = {{"A", Kind::input, u64(m * k * operand_bytes(gemm.types)), {}},
                 {"B", Kind::input, u64(k * n * operand_bytes(gemm.types)), {}},
                 {"C", Kind::output, u64(m * n * result_bytes(gemm.types)), {}}};
  program.input_buffer = kA;
  program.output_buffer = kC;
  const auto macs = static_cast<std::int64_t>(gemm.macs());
  aie::ProgramLayer& layer = program.layers.emplace_back();
  layer.name = layer.operation = "gemm";
  layer.macs = layer.kept_macs = macs;
  const GemmSteps steps = gemm_steps(gemm, tile, device);
  for (std::int64_t i = 0; i < grid.blocks_m; i += steps.step_m) {
    for (std::int64_t j = 0; j < grid.blocks_n; j += steps.step_n) {
      const Range range{.m = i,
                        .m_count = std::min(steps.step_m, grid.blocks_m - i),
                        .n = j,
                        .n_count = std::min(steps.step_n, grid.blocks_n - j)};
      program.steps.push_back(StepEmitter(gemm, tile, device, range).run(steps.iterate_b));
    }
  }
  return program;
}

}  // namespace wbs::compiler
