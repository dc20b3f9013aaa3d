// The phases of a network, given which tensors stay in the Memtiles.
#pragma once

#include <vector>

#include "compiler/codegen/plan.hpp"

namespace wbs::compiler {

/// By storage: whether it could live in the Memtiles: its producers and consumers split the image
/// by rows, and no column needs rows from further than its neighbours.
[[nodiscard]] std::vector<bool> may_be_resident(const networks::Int8Network& network,
                                                const NetworkPlan& plan, const aie::Device& device);

/// Fills plan.regions and plan.phases from plan.layers and plan.resident.
void make_phases(const networks::Int8Network& network, const aie::Device& device,
                 NetworkPlan& plan);

}  // namespace wbs::compiler
