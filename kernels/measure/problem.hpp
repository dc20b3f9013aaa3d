// A layer to be measured, with seeded values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/error.hpp"
#include "kernels/peers/contestant.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::kernels::measure {

/// What there is to know about a layer before it has values.
struct LayerRequest {
  std::string name;
  ConvShape shape;
  Element element = Element::f32;
  bool bias = true;
  bool residual = false;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  std::uint64_t seed = 1;
};

/// How its weights become sparse.
struct MaskChoice {
  sparsity::Pattern pattern;  ///< dense: no mask
  bool uniform = true;        ///< every cell alike (seeded); else by the weights' magnitude (L2)
  bool given = false;         ///< `weights` are masked already: what is zero is the mask
  const Tensor* weights = nullptr;  ///< fp32 weights of a real network; null: seeded normal ones
};

/// Owns what a Problem points to. Does not move, so that pointers stay.
struct LayerProblem {
  LayerProblem() = default;
  LayerProblem(const LayerProblem&) = delete;
  LayerProblem& operator=(const LayerProblem&) = delete;

  Tensor weights;  ///< masked; integers for u8
  std::unique_ptr<const sparsity::Mask> mask;
  peers::Problem problem;
  double density = 1.0;  ///< share of the weights that the mask keeps
};

/// The mask of `choice` for a layer with these weights; null for the dense pattern.
[[nodiscard]] std::unique_ptr<const sparsity::Mask> make_mask(const LayerRequest& request,
                                                              const MaskChoice& choice,
                                                              const Tensor& weights);

/// The layer's values: no activation is zero, no kept weight is zero. Values depend on the seed and
/// the name alone. For u8, weights are quantised per channel to [-127, 127] and the scales let
/// outputs spread over [0, 255]. Throws Error(input) when the pattern does not fit the layer.
[[nodiscard]] std::unique_ptr<LayerProblem> make_problem(const LayerRequest& request,
                                                         const MaskChoice& choice);

}  // namespace wbs::kernels::measure
