// Our kernels as a contestant.
#pragma once

#include <memory>
#include <string_view>

#include "core/error.hpp"
#include "kernels/peers/contestant.hpp"

namespace wbs::kernels::measure {

/// What of ConvOptions a user may ask for.
struct OwnChoice {
  std::string_view algorithm;   ///< "direct", "winograd2", "winograd4"
  std::string_view force_impl;  ///< empty: the best that can run
};

/// The layer on ConvPlan; the refusal says why no implementation (or not the forced one) can run
/// it. Throws Error(input) for weights that packing refuses.
[[nodiscard]] Result<std::unique_ptr<peers::Contestant>> make_own(const peers::Problem& problem,
                                                                  const peers::Setup& setup,
                                                                  const OwnChoice& choice);

}  // namespace wbs::kernels::measure
