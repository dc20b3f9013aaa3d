// Two tilings of one network under the event model, convolution by convolution.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "apps/aie/event_report.hpp"
#include "apps/aie/int8_model.hpp"

namespace wbs::apps {

/// A convolution (or depthwise one) under our tiling and the published one, as its rules count it
/// and complete (compiler::ReplayLanes). What a step loads ahead for later layers is part of
/// the layer that computes in that step, so single rows shift by that; totals do not.
struct TilingRow {
  std::string layer;
  std::uint64_t ours = 0, published = 0, complete = 0;  ///< cycles
  std::string our_bound, published_bound;
};

struct TilingComparison {
  std::string network, pattern, device;
  std::vector<TilingRow> rows{};                         ///< in the order of execution
  std::uint64_t ours = 0, published = 0, complete = 0;   ///< cycles of all convolutions
  std::uint64_t our_network = 0, published_network = 0;  ///< of the whole programs
  std::vector<std::string> exceeds;  ///< what the published tiling takes beyond limits
};

/// Compiles and runs all of them. The replays have the densities of the same pruned weights. Throws
/// Error.
[[nodiscard]] TilingComparison compare_tilings(const AieModelChoice& choice,
                                               const aie::Device& device);

[[nodiscard]] nlohmann::json to_json(const TilingComparison& comparison);
[[nodiscard]] std::string to_text(const TilingComparison& comparison);

}  // namespace wbs::apps
