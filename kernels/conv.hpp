// Sparse and dense convolutions and matrix products, planned once and run many times.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/tensor.hpp"
#include "kernels/element.hpp"
#include "kernels/planes.hpp"
#include "sparsity/mask.hpp"

namespace wbs::kernels {

/// A convolution; a matrix product or fully connected layer is a 1x1 one on images of one pixel.
struct ConvShape {
  std::int64_t images = 1;
  std::int64_t in_channels = 0;
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t out_channels = 0;
  std::array<std::int64_t, 2> kernel{1, 1};  ///< kh, kw
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> dilation{1, 1};
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::int64_t groups = 1;

  [[nodiscard]] std::int64_t out_height() const noexcept;
  [[nodiscard]] std::int64_t out_width() const noexcept;
  [[nodiscard]] std::int64_t taps() const noexcept { return kernel[0] * kernel[1]; }
  /// Multiply-accumulates of the dense layer, padding taps included, as oneDNN's verbose mode
  /// counts them.
  [[nodiscard]] std::int64_t macs() const noexcept;
  [[nodiscard]] Shape weight_shape() const;  ///< [cout][cin / groups][kh][kw]
};

/// What happens to each sum before it is stored:
///   y = fma(sum, scale[o], bias[o]);  y = fma(residual, residual_scale, y);  clip to [low, high];
/// (without scales the sums of f32 and bf16 layers may begin at the bias instead);
/// then f32: y; bf16: nearest, ties to even; u8: nearest integer, ties to even, in [0, 255].
/// For u8 output everything is in units of the output's quantisation step, with its zero point
/// (and the residual's: -residual_zero_point * residual_scale) already inside `bias`, so that ReLU
/// is low = zero point. The sum of u8 inputs is taken over (x - zero_point) * w.
struct Epilogue {
  std::vector<float> scale;  ///< per output channel; empty: 1
  std::vector<float> bias;   ///< per output channel; empty: 0
  bool residual = false;     ///< add a tensor of the output's planes (same element, same shape)
  float residual_scale = 1.0F;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  Element output = Element::f32;  ///< f32, or the input's element
  int output_zero_point = 0;      ///< value of the channels that fill up the last word
};

/// One layer to be planned. Weights are fp32: rounded to bf16 for bf16; integers in [-128, 127]
/// for u8. `mask` is null for a dense layer, else of the weights' shape.
struct ConvLayer {
  std::string name;  ///< for messages
  ConvShape shape;
  Element element = Element::f32;
  int input_zero_point = 0;
  const Tensor* weights = nullptr;
  const sparsity::Mask* mask = nullptr;
  Epilogue epilogue;
};

struct ConvOptions {
  /// Name of an implementation of the ranked table ("avx512", "avx2", "reference", ...), or empty:
  /// the first that can run.
  std::string_view force_impl;
  /// "direct"; "winograd2", "winograd4" (fp32 3x3 with stride 1); "auto": best_algorithm(); or
  /// empty: direct.
  std::string_view algorithm;
  int threads = 1;
  /// How direct packs the weights, by the text of ConvPlan::packing(), or empty: the cheapest.
  std::string_view force_packing = {};
  /// Where each weight of the layer, in the tensor's order, stands in the values that reload()
  /// gets; null: reload() is not called. fp32 only. Read during planning alone.
  const std::vector<std::int32_t>* reload_sources = nullptr;
};

struct ConvBuffers {
  const void* input = nullptr;     ///< ConvPlan::input()
  const void* residual = nullptr;  ///< ConvPlan::output(), when the epilogue adds one
  void* output = nullptr;          ///< ConvPlan::output(); may be the residual itself
  void* scratch = nullptr;         ///< scratch_bytes(), 64-byte aligned; not shared between runs
};

class ConvKernel;  // one algorithm's plan, private to kernels/

/// A convolution ready to run: weights packed, tiles cut, implementation chosen.
class ConvPlan {
 public:
  /// Throws Error(input), naming layer and block or weight: a mask of another shape, a weight that
  /// is not finite or not zero under the mask, an integer outside s8. Throws Error(unsupported) for
  /// what no implementation (or not the forced one) can do.
  ConvPlan(const ConvLayer& layer, const ConvOptions& options);
  ~ConvPlan();
  ConvPlan(ConvPlan&&) noexcept;
  ConvPlan& operator=(ConvPlan&&) noexcept;
  ConvPlan(const ConvPlan&) = delete;
  ConvPlan& operator=(const ConvPlan&) = delete;

  /// The output planes hold the layer's result. Same arguments, same bits, for any thread count.
  void run(const ConvBuffers& buffers) const noexcept;

  /// The plan is as if made with the weights values[reload_sources[i]], under the same mask: those
  /// that it prunes must be 0. Nothing is checked. Requires ConvOptions::reload_sources.
  void reload(const float* values) noexcept;

  [[nodiscard]] const Planes& input() const noexcept;
  [[nodiscard]] const Planes& output() const noexcept;
  [[nodiscard]] std::int64_t scratch_bytes() const noexcept;
  [[nodiscard]] std::int64_t weight_bytes() const noexcept;  ///< packed weights with their index
  /// Multiply-accumulates that the packed weights really do per run (padding taps included).
  [[nodiscard]] std::int64_t packed_macs() const noexcept;
  [[nodiscard]] std::string_view implementation() const noexcept;  ///< "avx512_vnni"
  [[nodiscard]] std::string_view algorithm() const noexcept;       ///< "direct", "winograd4"
  /// "8x8 tiles", ...: how the weights were packed.
  [[nodiscard]] std::string_view packing() const noexcept;

 private:
  std::unique_ptr<ConvKernel> kernel_;
};

/// One entry of the ranked table, for listings and --force-impl.
struct ImplementationInfo {
  std::string_view name;
  std::string_view element;  ///< "fp32", "bf16", "int8"
  std::string_view isa;      ///< what it needs
  std::string refusal;       ///< why this machine cannot run it; empty when it can
};

/// All implementations, fastest first, reference last.
[[nodiscard]] std::vector<ImplementationInfo> list_implementations();

}  // namespace wbs::kernels
