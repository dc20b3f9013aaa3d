#include <algorithm>
#include <array>
#include <vector>

#include "compiler/published/emit.hpp"

namespace wbs::compiler {
namespace {

using aie::Descriptor;
using aie::Direction;
using aie::TileId;
using aie::TileKind;

constexpr std::int64_t kRunWords = 65536;  // of one descriptor; a Memtile's has up to 2^17 - 1

std::uint32_t u32(std::int64_t value) {
  return static_cast<std::uint32_t>(value);
}

TileId tile_at(TileKind kind, std::int64_t column, std::int64_t row = 0) {
  return {kind, static_cast<std::int16_t>(column), static_cast<std::int16_t>(row)};
}

/// Emits one step. In a Memtile, activations that come in lie from its first byte on, weights from
/// the middle, results in the last quarter; addresses stand for these buffers only.
class StepEmitter {
 public:
  StepEmitter(const ReplayLayer& layer, const ReplayStep& step, const ReplayStepPlace& place,
              const aie::Device& device)
      : layer_(layer),
        step_(step),
        place_(place),
        device_(device),
        builder_(device, step.name, place.layer) {}

  aie::Step run() {
    for (std::int64_t column = 0; column < device_.columns; ++column) load_weights(column);
    for (std::int64_t column = 0; column < layer_.columns; ++column) {
      load_and_stream(column);
      collect(column);
    }
    return builder_.take();
  }

 private:
  [[nodiscard]] std::uint64_t in_memtile(std::int64_t eighths, std::int64_t words) const {
    const std::int64_t memory = device_.silicon.memtile.memory_bytes;
    const std::int64_t start = memory * eighths / 8 / 4 * 4;
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(0, std::min(start, memory - words * 4)));
  }

  /// Moves `words` one after the other in as few runs as descriptors allow. `first` waits, the last
  /// one releases.
  void move(const ChannelId& channel, std::int64_t words, Descriptor run, std::int64_t eighths) {
    const aie::LockUse acquire = run.acquire, release = run.release;
    const std::int64_t runs = (words + kRunWords - 1) / kRunWords;
    for (std::int64_t i = 0; i < runs; ++i) {
      run.words = u32(std::min(kRunWords, words - i * kRunWords));
      run.acquire = i == 0 ? acquire : aie::LockUse{};
      run.release = i + 1 == runs ? release : aie::LockUse{};
      run.address = in_memtile(eighths, run.words);
      builder_.task(channel, builder_.descriptor(channel, run));
    }
  }

  /// Between a shim and DDR: one descriptor, one task.
  void external(const ChannelId& channel, std::uint16_t buffer, std::uint64_t address,
                std::int64_t words) {
    Descriptor run;
    run.memory = aie::MemoryOf::ddr;
    run.ddr_buffer = buffer;
    run.address = address;
    run.words = u32(words);
    builder_.task(channel, builder_.descriptor(channel, run));
  }

  [[nodiscard]] std::uint64_t part_of_column(std::int64_t column, std::int64_t words) const {
    return static_cast<std::uint64_t>(column * words * 4);
  }

  /// LOADW into the Memtile, and LOADWM from it to the rows of cores that it feeds, row r by
  /// Memtile r % columns.
  void load_weights(std::int64_t column) {
    const TileId memtile = tile_at(TileKind::memtile, column);
    std::int16_t loaded = -1;
    std::vector<std::int64_t> rows;
    if (step_.sends > 0) {
      for (std::int64_t r = column; r < device_.rows; r += device_.columns) rows.push_back(r);
    }
    if (step_.loadw_words > 0) {
      loaded = builder_.lock(memtile, 0);
      const ChannelId shim{tile_at(TileKind::shim, column), Direction::mm2s, 1};
      const ChannelId receive{memtile, Direction::s2mm, kLoadwReceive};
      external(shim, kReplayWeights, place_.weights + part_of_column(column, step_.loadw_words),
               step_.loadw_words);
      Descriptor run;
      run.release = {loaded,
                     static_cast<std::int16_t>(std::max<std::ptrdiff_t>(1, std::ssize(rows)))};
      move(receive, step_.loadw_words, run, 4);
      builder_.route(shim, std::array{receive});
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      send_weights({memtile, Direction::mm2s, static_cast<std::uint8_t>(kLoadwmSend + i)}, rows[i],
                   loaded);
    }
  }

  void send_weights(const ChannelId& send, std::int64_t row, std::int16_t loaded) {
    Descriptor run;
    run.words = u32(layer_.chunk_words + step_.header_words);
    run.address = in_memtile(4, run.words);
    run.acquire = {loaded, 1};
    builder_.task(send, builder_.descriptor(send, run));
    if (step_.sends > 1) {
      run.words = u32(layer_.chunk_words);
      run.acquire = {};
      builder_.task(send, builder_.descriptor(send, run), u32(step_.sends - 1));
    }
    std::vector<ChannelId> cores;
    for (std::int64_t column = 0; column < layer_.columns; ++column) {
      cores.push_back({tile_at(TileKind::core, column, row), Direction::s2mm, 1});
    }
    builder_.route(send, cores);
  }

  /// LOAD into the Memtile, then LOADFM, sub-volume after sub-volume, to all cores of the column.
  void load_and_stream(std::int64_t column) {
    const TileId memtile = tile_at(TileKind::memtile, column);
    std::int16_t loaded = -1;
    if (step_.load_words > 0) {
      loaded = builder_.lock(memtile, 0);
      const ChannelId shim{tile_at(TileKind::shim, column), Direction::mm2s, 0};
      const ChannelId receive{memtile, Direction::s2mm, kLoadReceive};
      external(shim, place_.from, part_of_column(column, step_.load_words), step_.load_words);
      Descriptor run;
      run.release = {loaded, 1};
      move(receive, step_.load_words, run, 0);
      builder_.route(shim, std::array{receive});
    }
    const ChannelId send{memtile, Direction::mm2s, kLoadfmSend};
    const std::int64_t count = step_.all_iterations() * layer_.pieces;
    if (count == 0) return;
    Descriptor run;
    run.words = u32(layer_.loadfm_words);
    run.address = in_memtile(0, run.words);
    if (loaded >= 0) {
      run.acquire = {loaded, 1};
      builder_.task(send, builder_.descriptor(send, run));
      run.acquire = {};
    }
    if (count > 1 || loaded < 0) {
      builder_.task(send, builder_.descriptor(send, run), u32(count - (loaded < 0 ? 0 : 1)));
    }
    std::vector<ChannelId> cores;
    for (std::int64_t row = 0; row < device_.rows; ++row) {
      cores.push_back({tile_at(TileKind::core, column, row), Direction::s2mm, 0});
    }
    builder_.route(send, cores);
  }

  /// WRITEFM of the column's cores, and WRITE when all of it has come.
  void collect(std::int64_t column) {
    const TileId memtile = tile_at(TileKind::memtile, column);
    const std::int16_t done = step_.write_words > 0 ? builder_.lock(memtile, 0) : std::int16_t{-1};
    const std::int64_t streams = std::min(device_.rows, kMemtileStreams);
    std::int16_t filled = 0;
    for (std::int64_t stream = 0; stream < streams; ++stream) {
      filled = static_cast<std::int16_t>(filled + (collect_stream(column, stream, done) ? 1 : 0));
    }
    if (done < 0) return;
    const ChannelId send{memtile, Direction::mm2s, kWriteSend};
    const ChannelId shim{tile_at(TileKind::shim, column), Direction::s2mm, 0};
    Descriptor run;
    run.acquire = {done, filled};
    move(send, step_.write_words, run, 6);
    external(shim, place_.to, part_of_column(column, step_.write_words), step_.write_words);
    builder_.route(send, std::array{shim});
  }

  /// Cores of the rows stream, stream + 4, ... and what they send; false when they send nothing.
  bool collect_stream(std::int64_t column, std::int64_t stream, std::int16_t done) {
    const TileId memtile = tile_at(TileKind::memtile, column);
    const bool shared = device_.rows > kMemtileStreams;
    const ChannelId receive{memtile, Direction::s2mm,
                            static_cast<std::uint8_t>(kWritefmReceive + stream)};
    const int group = builder_.new_group();
    std::int64_t words = 0;
    for (std::int64_t row = stream; row < device_.rows; row += kMemtileStreams) {
      const std::int64_t all = layer_.writefm_words;
      const ReplayCore core{.id = tile_at(TileKind::core, column, row),
                            .out_words = all * (row + 1) / device_.rows - all * row / device_.rows,
                            .packet = static_cast<std::int16_t>(shared ? row : -1)};
      words += core.out_words;
      emit_replay_core(layer_, step_, core, device_, builder_);
      if (core.out_words == 0) continue;
      const ChannelId send{core.id, Direction::mm2s, 0};
      builder_.route(send, std::array{receive}, core.packet, shared ? group : -1);
    }
    const std::int64_t count = step_.all_iterations();
    if (words == 0 || count == 0) return false;
    Descriptor run;
    run.words = u32(words);
    run.address = in_memtile(6, words);
    if (count > 1) builder_.task(receive, builder_.descriptor(receive, run), u32(count - 1));
    run.release = {done, 1};
    builder_.task(receive, builder_.descriptor(receive, run));
    return true;
  }

  const ReplayLayer& layer_;
  const ReplayStep& step_;
  const ReplayStepPlace& place_;
  const aie::Device& device_;
  StepBuilder builder_;
};

}  // namespace

aie::Step emit_replay_step(const ReplayLayer& layer, const ReplayStep& step,
                           const ReplayStepPlace& place, const aie::Device& device) {
  return StepEmitter(layer, step, place, device).run();
}

}  // namespace wbs::compiler
