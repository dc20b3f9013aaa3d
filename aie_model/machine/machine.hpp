// Runs a program as the hardware would, descriptor by descriptor and lock by lock: with the bytes
// (functional), or only for the time it takes (event). Both are one engine, so a program cannot be
// right in one and something else in the other.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/kernels/kernel_model.hpp"
#include "aie_model/program/program.hpp"

namespace wbs::aie {

/// What went wrong in a run.
enum class FaultKind : std::uint8_t {
  deadlock,       ///< nothing can go on and the step is not finished
  race,           ///< two unordered accesses to the same bytes, one of them a write
  uninitialised,  ///< bytes are read that nobody wrote
  out_of_range,   ///< an address outside the memory
  malformed,      ///< a chunk, a route, a packet or a lock that makes no sense
};

struct Fault {
  FaultKind kind = FaultKind::malformed;
  std::uint32_t step = 0;
  std::string message;  ///< one sentence with tile, channel, descriptor or call
};

[[nodiscard]] std::string_view to_string(FaultKind kind) noexcept;

/// A bar of a Gantt chart.
struct Activity {
  enum class Kind : std::uint8_t { kernel, mm2s, s2mm, reconfigure };
  TileId tile;
  Kind kind = Kind::kernel;
  std::uint8_t channel = 0;
  std::uint32_t step = 0;
  std::uint64_t begin = 0, end = 0;  ///< cycles since the program began
};

/// The DMA channels of one kind of tile in one direction.
struct ChannelUse {
  std::uint64_t bytes = 0;    ///< what they moved together, packet headers not counted
  std::uint64_t busiest = 0;  ///< cycles in which the busiest one moved words
};

/// Index in StepTime::channels.
[[nodiscard]] constexpr std::size_t channel_class(TileKind kind, Direction direction) noexcept {
  return static_cast<std::size_t>(kind) * 2 + static_cast<std::size_t>(direction);
}

/// Where the time of a step went. Each figure is the busiest resource of its kind, in cycles.
struct StepTime {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t core = 0;         ///< kernel calls
  std::uint64_t core_stream = 0;  ///< a core's DMA channel moving words
  std::uint64_t memtile = 0;      ///< a Memtile's DMA channel moving words
  std::uint64_t shim = 0;         ///< a shim's DMA channel moving words
  std::uint64_t dram = 0;         ///< external memory at its bandwidth
  std::uint64_t reconfigure = 0;
  std::uint64_t bank_conflicts = 0;  ///< part of `core`: of the core that loses most
  std::uint64_t memtile_banks = 0;   ///< a Memtile's banks, shared evenly by what they serve
  std::uint64_t ddr_read_bytes = 0, ddr_write_bytes = 0;
  std::uint64_t dram_read = 0,
                dram_write = 0;          ///< cycles of each direction; `dram`: the longer one
  std::array<ChannelUse, 6> channels{};  ///< by channel_class()
  /// Stream bytes times the links between tiles that they cross, a broadcast's links once each.
  std::uint64_t link_bytes = 0;
  CallParts calls{};  ///< kernel calls of all cores together
  /// The resource that was busy longest: "core", "core stream", "memtile", "shim", "dram",
  /// "reconfigure".
  [[nodiscard]] std::string_view bound() const noexcept;
  /// Adds another step's figures; `begin` and `end` stay.
  StepTime& operator+=(const StepTime& step) noexcept;
};

struct RunOptions {
  bool functional = false;
  bool trace = false;  ///< collect activities
  /// Functional: called after each step; `read` copies bytes of a tile's memory (or, for a shim, of
  /// DDR buffer `ddr_buffer`).
  using Reader = std::function<void(TileId tile, std::uint16_t ddr_buffer, std::uint64_t address,
                                    std::span<std::uint8_t> bytes)>;
  std::function<void(std::uint32_t step, const Reader& read)> after_step;
};

struct RunResult {
  std::optional<Fault> fault;  ///< the run stopped there
  std::uint64_t cycles = 0;
  std::vector<StepTime> steps;
  std::vector<Activity> activities;             ///< with `trace`
  std::vector<std::uint64_t> core_busy_cycles;  ///< by column * rows + row
  std::vector<std::uint8_t> output;             ///< functional: the output buffer
  std::uint64_t events = 0;
  /// Words of memories that MM2S channels sent compressed, what they were in the streams, and how
  /// many of these nobody knew before (event: the most that there can be; functional: counted).
  std::uint64_t compressed_words = 0, compressed_stream_words = 0, unknown_stream_words = 0;
};

/// Runs `program` on `device`. `input` is the image in the program's input layout; needed for
/// functional runs. Throws Error(input) when the device is another one than the program's or the
/// input has another size; what goes wrong inside the program is the result's fault.
[[nodiscard]] RunResult run(const Program& program, const Device& device, const RunOptions& options,
                            std::span<const std::uint8_t> input = {});

}  // namespace wbs::aie
