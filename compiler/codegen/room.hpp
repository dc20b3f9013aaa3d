// Addresses in the Memtiles for all regions of a plan, and what gives way when they do not fit.
#pragma once

#include "aie_model/device.hpp"
#include "compiler/codegen/generate.hpp"
#include "compiler/codegen/plan.hpp"
#include "networks/int8_network.hpp"

namespace wbs::compiler {

/// Fills plan.phases and plan.regions with addresses, given plan.layers and plan.resident. Where a
/// region finds no place, weights that come early come later; then strips of a layer shrink or a
/// tensor goes through external memory, whichever is estimated to cost less. Strips that shrank in
/// vain grow again. Throws Error(unsupported) when nothing is left that could give way.
void find_room(const networks::Int8Network& network, const aie::Device& device,
               const CodegenOptions& options, NetworkPlan& plan);

}  // namespace wbs::compiler
