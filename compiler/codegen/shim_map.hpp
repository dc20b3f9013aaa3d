// Which shim moves what between DDR and the Memtile of each column.
#pragma once

#include <cstdint>
#include <vector>

#include "aie_model/device.hpp"

namespace wbs::compiler {

/// The columns of a device by the shim that serves them. A shim reaches columns other than its own
/// through the switches of the shim row: Memtiles have no streams to east and west.
class ShimMap {
 public:
  struct Group {
    std::int64_t shim = 0;              ///< its column
    std::vector<std::int64_t> columns;  ///< neighbours of each other, ascending
    /// Several columns share the shim's channels: what it moves are packets.
    [[nodiscard]] bool shared() const { return columns.size() > 1; }
  };

  ShimMap() = default;
  /// As few columns as possible at the busiest shim, then the shortest ways, such that all groups
  /// find links in the shim row. Throws Error(unsupported) naming device and limit when none do.
  explicit ShimMap(const aie::Device& device);

  [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
  [[nodiscard]] bool any_shared() const;

 private:
  std::vector<Group> groups_;  ///< by column
};

/// Columns whose shim reaches DDR, ascending.
[[nodiscard]] std::vector<std::int64_t> shim_columns(const aie::Device& device);

/// Columns that the busiest shim serves, if all serve as many as they can.
[[nodiscard]] std::int64_t columns_per_shim(const aie::Device& device);

/// Columns of a shared shim that it can serve in one phase: it has few descriptors, and weights
/// need two for each column.
[[nodiscard]] std::int64_t most_shared_columns(const aie::Device& device);

/// The column whose Memtile sends weights to all cores of that row: one with a shim of its own.
[[nodiscard]] std::int64_t weights_home(const aie::Device& device, std::int64_t row);

}  // namespace wbs::compiler
