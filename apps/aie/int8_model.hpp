// From what a user names (network, weights, pattern, scales) to the integer network that the AIE
// compiler takes.
#pragma once

#include <cstdint>
#include <string>

#include "apps/inference.hpp"
#include "networks/int8_network.hpp"
#include "networks/quantisation.hpp"

namespace wbs::apps {

/// A network to compile, as the command line or a stage names it.
struct AieModelChoice {
  std::string network;  ///< zoo name, .onnx file or text form (.txt)
  std::string weights;  ///< see weights_file()
  std::string input;    ///< CxHxW, or "" for the network's own
  std::string pattern = "dense";
  std::int64_t seed = 1;         ///< of seeded weights
  std::string quantisation;      ///< artifact of the stage quantize: weights and scales
  std::int64_t calibrate = 0;    ///< images that give the scales; 0: noise
  std::string images;            ///< folder or .tar, with `calibrate`
  bool per_layer_shift = false;  ///< one weight scale per layer instead of per channel
  bool separate_adds = false;    ///< residual sums are operations of their own
};

/// A pruned network with the ranges of its activations, and what is known about both.
struct ScaledModel {
  Model model;
  networks::Quantisation scales;
  std::string pattern;         ///< of the weights
  std::string calibration;     ///< of a quantisation file: its images, or kSeededNoise
  std::string weights_source;  ///< "seeded (seed 1), not trained", or the file's name
  std::string scales_source;   ///< "seeded noise: right for timing only", ...
  double achieved_sparsity = 0.0;
};

/// The dense network and its weights, pruned by `pattern` as the stage prune does it (by L2, the
/// first convolution and linear layers excepted). No scales yet. Throws Error.
[[nodiscard]] ScaledModel load_scaled_model(const AieModelChoice& choice);

/// Fills in the scales: of the quantisation file (its weights, pattern and sparsity too), of
/// calibration images, or of noise. Throws Error.
void choose_scales(const AieModelChoice& choice, ScaledModel& model);

[[nodiscard]] inline networks::Int8Options int8_options(const AieModelChoice& choice) {
  return {.per_channel = !choice.per_layer_shift, .fuse_add = !choice.separate_adds};
}

/// The scales_source of models whose scales come from noise.
inline constexpr const char* kNoiseScales = "seeded noise: right for timing only";

}  // namespace wbs::apps
