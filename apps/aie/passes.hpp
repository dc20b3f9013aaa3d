// The pass pipeline of `wbs compile`, one text form after the other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "apps/aie/int8_model.hpp"
#include "compiler/codegen/generate.hpp"

namespace wbs::apps {

/// Names of the passes in order: graph, fold, integers, depth, map, place, schedule, program.
[[nodiscard]] const std::vector<std::string>& pass_names();

/// What passes need besides the model.
struct PassRequest {
  AieModelChoice choice;
  aie::Device device;
  compiler::CodegenOptions codegen;
  std::int64_t depth_tiles = 1;  ///< as compiler::tile_network() takes it
};

/// Runs the pipeline up to the pass `name` and returns the text form of its result; with "all" the
/// result of every pass under a line "== pass: what it did", `program` as its counts only.
///
/// graph: the network as read (networks::parse_graph reads it back; so does --network FILE.txt).
/// fold: batch norms inside their layers, identities gone; the same form.
/// integers: the fused 8-bit network, one operation a line.
/// depth: which layers are computed in depth-wise tiles, and each tile's rows.
/// map: how each layer is spread and cut, with the search's estimate in cycles.
/// place: tensors in the Memtiles or in DDR, and the Memtiles' regions.
/// schedule: the phases of each step.
/// program: every descriptor, lock, route and call.
///
/// Throws Error(usage) for another name, and what the passes throw.
[[nodiscard]] std::string run_passes(const PassRequest& request, const std::string& name);

}  // namespace wbs::apps
