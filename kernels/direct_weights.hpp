// How the direct algorithm packs a layer.
#pragma once

#include <optional>
#include <string_view>

#include "kernels/compact.hpp"
#include "kernels/implementations.hpp"
#include "kernels/pack.hpp"

namespace wbs::kernels {

/// Packed weights and what they stand for.
struct DirectWeights {
  PackedWeights packed;
  bool folded = false;                    ///< kernel columns are channels: see geometry_of()
  std::optional<CompactOutputs> compact;  ///< the packed rows are kept outputs
};

/// The weights of a checked layer in the form of the text `force` (packing_text()), or, where that
/// is empty, in the cheapest that the implementation has a kernel for. Throws Error(unsupported)
/// for a form that it or the layer has not.
[[nodiscard]] DirectWeights direct_weights(const ConvLayer& layer, const Planes& input,
                                           const Implementation& implementation,
                                           const ConvOptions& options);

/// "panels of 8 outputs", ...
[[nodiscard]] std::string_view packing_text(Packing packing, bool compact) noexcept;

}  // namespace wbs::kernels
