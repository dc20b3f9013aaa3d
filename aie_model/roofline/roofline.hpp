// What bounds each layer of an event-driven run, and how near the run comes to that bound.
//
// A layer's work is its kept multiply-accumulates. Each resource (cores, DMA channels by kind of
// tile and direction, external memory) needs a time for what the program's descriptors move over
// it; the longest of these times is the layer's lowest ceiling. Two times are told apart: that of
// the busiest channel or core (what this program allows), and that of the same bytes or calls
// spread evenly over all channels or cores (what any distribution of them would allow).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/machine/machine.hpp"
#include "aie_model/program/program.hpp"

namespace wbs::aie {

/// What can bound a layer. In and out are seen from the tile; `shim_read` and `dram_read` go from
/// external memory to the array.
enum class Resource : std::uint8_t {
  core,
  core_in,
  core_out,
  memtile_in,
  memtile_out,
  shim_read,
  shim_write,
  dram_read,
  dram_write,
  reconfigure,
};
inline constexpr std::size_t kResources = 10;

/// "cores", "core in", "core out", "Memtile in", ..., "DRAM write", "reconfiguration".
[[nodiscard]] std::string_view to_string(Resource resource) noexcept;

/// What all units of the resource do together in a cycle: bytes, or for `core` dense int8
/// multiply-accumulates. 0: no such rate (reconfiguration; DRAM of abstract arrays).
[[nodiscard]] double peak_per_cycle(Resource resource, const Device& device);

/// A layer's use of a resource.
struct ResourceUse {
  std::uint64_t bytes = 0;   ///< moved; 0 for `core` and `reconfigure`
  std::uint64_t cycles = 0;  ///< of the busiest unit of each step, summed over the steps
  double even_cycles = 0.0;  ///< if all units shared the work evenly
};

/// Where the cycles of all cores go: they add up to cores * cycles of the layer.
struct CoreTime {
  double multiply = 0.0;  ///< kept multiply-accumulates at the unit's full rate
  /// Vector operations that are no kept multiply-accumulate: operands that reach beyond rows or
  /// channels, what overlapping tiles compute twice, depthwise taps, pools and sums.
  double fill = 0.0;
  double waits = 0.0;    ///< inner loops waiting for loads and banks (CallParts)
  double results = 0.0;  ///< latencies, accumulators, rounding, stores (CallParts::results)
  double starts = 0.0;   ///< of calls and output blocks
  double idle = 0.0;     ///< no call: waiting for data, locks, other cores, reconfiguration
  [[nodiscard]] double busy() const noexcept { return multiply + fill + waits + results + starts; }
  [[nodiscard]] double total() const noexcept { return busy() + idle; }
  CoreTime& operator+=(const CoreTime& other) noexcept;
};

/// A layer, or a network (then sums over the layers). Steps that load for later layers count for
/// the layer that computes in them.
struct RooflineLayer {
  std::string name, operation;
  std::int64_t macs = 0, kept_macs = 0;
  std::uint64_t cycles = 0;
  /// Reconfiguration and the busiest resource of each step, summed: less is not possible for these
  /// steps with these descriptors, however well everything overlaps.
  std::uint64_t least_cycles = 0;
  /// Reconfiguration and the resource with most `even_cycles`: less is not possible for these bytes
  /// and calls, however they are distributed.
  double even_least_cycles = 0.0;
  double mac_rate = 1.0;  ///< kept multiply-accumulates per slot of the dense unit: up to 2 for 2:4
  std::array<ResourceUse, kResources> use{};
  CoreTime core;
  std::uint64_t link_bytes = 0;         ///< StepTime::link_bytes
  std::uint64_t core_memory_bytes = 0;  ///< calls' loads and stores
  std::uint64_t mac_slots = 0;          ///< multipliers that switched, of `compute` bundles

  [[nodiscard]] const ResourceUse& of(Resource resource) const {
    return use[static_cast<std::size_t>(resource)];
  }
  /// Adds another layer's figures; name, operation and mac_rate stay.
  RooflineLayer& operator+=(const RooflineLayer& layer) noexcept;
  /// The resource with most `cycles`; of those within 2% of it, the one with most `even_cycles`.
  [[nodiscard]] Resource bound() const noexcept;
  /// The one with most `even_cycles`.
  [[nodiscard]] Resource even_bound() const noexcept;
  /// Kept multiply-accumulates a cycle: reached, allowed by a resource in this program, and if its
  /// units shared the work. 0 without multiply-accumulates; a resource that is not used allows
  /// infinitely many.
  [[nodiscard]] double reached() const noexcept;
  [[nodiscard]] double ceiling(Resource resource) const noexcept;
  [[nodiscard]] double even_ceiling(Resource resource) const noexcept;
  /// Kept multiply-accumulates for each byte over the resource; infinite without bytes.
  [[nodiscard]] double intensity(Resource resource) const noexcept;
  /// Cycles of the bound by the layer's cycles, 0 to 1: what it reaches of its lowest ceiling.
  [[nodiscard]] double reached_of_ceiling() const noexcept;
};

struct Roofline {
  std::string network, pattern, device;
  double clock_hz = 0.0;
  std::array<double, kResources> peak{};  ///< peak_per_cycle
  RooflineLayer total;
  std::vector<RooflineLayer> layers;  ///< of Program::layers
};

/// The roofline of a finished run of `program`. Throws Error(input) when the run ended with a
/// fault.
[[nodiscard]] Roofline roofline(const Program& program, const Device& device, const RunResult& run);

}  // namespace wbs::aie
