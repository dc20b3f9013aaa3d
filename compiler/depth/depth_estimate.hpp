// What a depth-wise cut is estimated to cost, from the plan of the untiled network.
#pragma once

#include <cstdint>
#include <vector>

#include "aie_model/device.hpp"
#include "compiler/codegen/plan.hpp"
#include "networks/depth_tiles.hpp"
#include "networks/int8_network.hpp"

namespace wbs::compiler {

/// Estimates in cycles. Per operation and tile: the slowest of its computation (the mapping's
/// estimate, by rows), reads and writes of external memory at the device's bandwidth. A tensor
/// between operations of a tile stays in the Memtiles if it fits beside all others alive and the
/// rings of weights; the largest goes first.
class DepthEstimate {
 public:
  /// Plans the untiled network. All references must outlive the estimate.
  DepthEstimate(const networks::Int8Network& network, const aie::Device& device,
                const CodegenOptions& options);

  /// The operation's result could live in the Memtiles but for want of room.
  [[nodiscard]] bool spills(std::size_t operation) const;
  /// The result lives in the Memtiles.
  [[nodiscard]] bool resident(std::size_t operation) const;

  /// An operation without tiles. `from_tiles`: its inputs were left in external memory by tiles.
  [[nodiscard]] double untiled(std::size_t operation, bool from_tiles) const;

  /// A cut that why_not_cut() has nothing against.
  [[nodiscard]] double tiled(const networks::DepthCut& cut) const;

  /// Cycles to read or write the operation's result.
  [[nodiscard]] double read(std::size_t operation) const;
  [[nodiscard]] double write(std::size_t operation) const;

 private:
  struct Traffic {
    double reads = 0.0, writes = 0.0;  ///< bytes
  };

  [[nodiscard]] double tensor_bytes(std::size_t operation, std::int64_t rows) const;
  [[nodiscard]] double weight_bytes(std::size_t operation) const;
  [[nodiscard]] double cycles(double computed, const Traffic& traffic) const;
  [[nodiscard]] double tile(const networks::DepthCut& cut,
                            const std::vector<networks::RowSpan>& spans) const;
  [[nodiscard]] std::vector<bool> evicted(const networks::DepthCut& cut,
                                          const std::vector<networks::RowSpan>& spans) const;

  const networks::Int8Network& network_;
  const aie::Device& device_;
  NetworkPlan plan_;
  std::vector<const LayerPlan*> layers_;       ///< by operation; null where nothing is computed
  std::vector<bool> possible_;                 ///< by storage: may be resident
  double read_rate_ = 0.0, write_rate_ = 0.0;  ///< bytes per cycle
};

}  // namespace wbs::compiler
