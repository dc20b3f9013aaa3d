// Which operations of a network are computed depth-wise, tile by tile, and in how many tiles: those
// whose tensors would go through external memory because the Memtiles are too small for them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "compiler/codegen/generate.hpp"
#include "networks/depth_tiles.hpp"
#include "networks/int8_network.hpp"

namespace wbs::compiler {

/// Consecutive operations, each of which reads or writes a tensor that the plan of the whole
/// network sends through external memory for want of room: cuts of one tile, in order. Where such a
/// run has more than one result, it ends before.
[[nodiscard]] std::vector<networks::DepthCut> spilling_parts(const networks::Int8Network& network,
                                                             const aie::Device& device,
                                                             const CodegenOptions& options);

/// The cuts within the spilling parts with the least estimated time, each of a number of tiles out
/// of `choices` (1 is always possible): what tiles compute twice and weights that come once for
/// each tile, against the traffic of tensors (depth_estimate.hpp). Only cuts of several tiles.
[[nodiscard]] std::vector<networks::DepthCut> estimate_cuts(
    const networks::Int8Network& network, const aie::Device& device, const CodegenOptions& options,
    const std::vector<std::int64_t>& choices);

/// The cuts that estimate_cuts() finds for one number of tiles or several, and the event model's
/// cycles of the whole program with them.
struct DepthTrial {
  std::vector<networks::DepthCut> cuts;
  std::uint64_t cycles = 0;
};

/// How a network was tiled.
struct DepthResult {
  networks::Int8Network network;          ///< tiled
  std::vector<networks::DepthCut> parts;  ///< spilling_parts() of the untiled one
  std::vector<networks::DepthCut> cuts;   ///< of the untiled one
  std::vector<DepthTrial> trials;         ///< kDepthAuto: all, the untiled one first
};

/// Tiles are chosen by trying.
inline constexpr std::int64_t kDepthAuto = 0;

/// The network with the cuts of estimate_cuts() for `tiles` tiles (1: none). kDepthAuto: programs
/// with different numbers of tiles run under the event model, and the fastest is kept: never slower
/// than without tiles. Costs a program and a run for each trial.
[[nodiscard]] DepthResult tile_network(const networks::Int8Network& network,
                                       const aie::Device& device, const CodegenOptions& options,
                                       std::int64_t tiles);

/// "FIRST .. LAST in N".
[[nodiscard]] std::string print(const networks::Int8Network& untiled,
                                const networks::DepthCut& cut);

/// Text: the parts, the trials, and for each tile of each cut the rows of every operation.
[[nodiscard]] std::string print(const networks::Int8Network& untiled, const DepthResult& result);

}  // namespace wbs::compiler
