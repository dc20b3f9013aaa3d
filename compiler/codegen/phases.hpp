// The phases of a network, given which tensors stay in the Memtiles.
#pragma once

#include "compiler/codegen/plan.hpp"

namespace wbs::compiler {

/// Fills plan.regions and plan.phases from plan.layers and plan.resident.
void make_phases(const networks::Int8Network& network, const aie::Device& device,
                 NetworkPlan& plan);

}  // namespace wbs::compiler
