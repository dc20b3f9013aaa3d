// How unevenly a mask spreads a layer's work over cores that go in step.
#pragma once

#include "compiler/codegen/mapping.hpp"

namespace wbs::compiler {

/// Operands that a call keeps, as the layer's time sees them: cores of a column take the same
/// deliveries of input, so that each waits for the one that keeps most. A mean over the calls of a
/// core; with shape.kept_before exact for whole chunks, for pieces of the input channels an
/// estimate.
[[nodiscard]] double busiest_kept(const LayerShape& shape, const Mapping& mapping,
                                  const Pieces& pieces, const aie::Device& device);

}  // namespace wbs::compiler
