// What a phase asks of each shim.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/codegen/plan.hpp"
#include "compiler/codegen/shim_map.hpp"

namespace wbs::compiler {

/// A part of a tensor and the columns that get it from their shim, all at once.
struct Delivery {
  Part part;
  std::vector<std::int64_t> columns;
};

/// What a loading phase moves through the shim of the group: equal parts once.
[[nodiscard]] std::vector<Delivery> deliveries_to(const Phase& phase, const ShimMap::Group& group);

/// Columns of the group through whose Memtiles the layer's weights go.
[[nodiscard]] std::vector<std::int64_t> weights_columns(const LayerPlan& layer,
                                                        const aie::Device& device,
                                                        const ShimMap::Group& group);

/// Chunks of weights until their sequence repeats: once for each tile where input channels come in
/// pieces.
[[nodiscard]] std::int64_t distinct_chunks(const LayerPlan& layer, const Phase& phase);

/// Descriptors that the phase needs at the shim that does most for it, at most.
[[nodiscard]] std::int64_t shim_descriptors(const NetworkPlan& plan, const aie::Device& device,
                                            const Phase& phase);

}  // namespace wbs::compiler
