// Which algorithm a layer should run by.
#pragma once

#include <string_view>

#include "kernels/conv.hpp"
#include "kernels/implementations.hpp"

namespace wbs::kernels {

/// Times of one run by each algorithm, on one core, in cycles of an AVX-512 core that does one
/// product of 16 lanes per cycle; infinite where the algorithm cannot run the layer.
struct AlgorithmTimes {
  double direct = 0.0;
  double winograd2 = 0.0;
  double winograd4 = 0.0;
};

/// A model: products, transforms, calls and traffic of planes and weights, each with a factor
/// fitted to ResNet-50's 3x3 layers (EPYC, Zen 4, 2026-11). It does
/// not look at the clock, so that the same layer always runs by the same algorithm.
[[nodiscard]] AlgorithmTimes estimate_times(const ConvLayer& layer,
                                            const Implementation& implementation);

/// What ConvOptions::algorithm = "auto" stands for: "direct", "winograd2" or "winograd4". Winograd
/// is chosen for its speed alone; its rounding errors are larger (winograd_bound.hpp).
[[nodiscard]] std::string_view best_algorithm(const ConvLayer& layer,
                                              const Implementation& implementation);

}  // namespace wbs::kernels
