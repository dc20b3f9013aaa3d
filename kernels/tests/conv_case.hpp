// Random convolutions, and whether an implementation computes them as it must.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.hpp"
#include "kernels/conv.hpp"
#include "kernels/reference_conv.hpp"
#include "sparsity/mask.hpp"

namespace wbs::kernels {

/// Everything that decides one test: the same case, the same numbers.
struct ConvCase {
  std::uint64_t seed = 0;
  std::string_view pattern;  ///< one of case_patterns()
  ConvShape shape;
  Element element = Element::f32;
  Element output = Element::f32;
  int input_zero_point = 0;
  int output_zero_point = 0;
  bool integers = true;  ///< data whose sums are exact in every order
  bool scale = false, bias = false, residual = false, clip = false;
  bool in_place = false;  ///< the output is the residual's buffer
  bool full = false;      ///< the mask keeps everything
  bool empty = false;     ///< the mask keeps nothing
  std::int64_t input_shift = 0, residual_shift = 0, output_shift = 0;  ///< bytes off 64
  int threads = 1;
};

/// "dense", "block:8x8", ..., "nm:2:4", ..., "unstructured@0.95", "channel".
[[nodiscard]] const std::vector<std::string_view>& case_patterns();
/// kh x kw.
[[nodiscard]] const std::vector<std::array<std::int64_t, 2>>& case_kernels();

/// A case of this element whose pattern and kernel go round with `index` (every pair comes up in
/// case_patterns() * case_kernels() cases) and whose rest is random; at most `most_macs` dense
/// multiply-accumulates.
[[nodiscard]] ConvCase sample_case(Element element, std::uint64_t seed, std::uint64_t index,
                                   std::int64_t most_macs);

[[nodiscard]] std::string describe(const ConvCase& plan);

/// A case's numbers; `layer` points into it.
class ConvData {
 public:
  explicit ConvData(const ConvCase& plan);
  ConvData(const ConvData&) = delete;
  ConvData& operator=(const ConvData&) = delete;
  [[nodiscard]] const ConvCase& plan() const noexcept { return plan_; }
  [[nodiscard]] const ConvLayer& layer() const noexcept { return layer_; }
  [[nodiscard]] const ReferenceConv& expected() const noexcept { return expected_; }
  [[nodiscard]] const Tensor& input() const noexcept { return input_; }

  /// The bytes of the output planes that `options` gives, buffers misaligned as the case says and
  /// full of garbage where the layout allows any value. Throws what ConvPlan throws.
  [[nodiscard]] std::vector<unsigned char> run(const ConvOptions& options) const;

  /// Nothing when `bytes` are the expected output; else the first difference.
  [[nodiscard]] std::string difference(const std::vector<unsigned char>& bytes) const;
  /// The same with another bound than expected().bound, of its shape.
  [[nodiscard]] std::string difference(const std::vector<unsigned char>& bytes,
                                       const Tensor& bounds) const;

 private:
  ConvCase plan_;
  Tensor weights_;
  std::optional<sparsity::Mask> mask_;
  Tensor input_;
  Tensor residual_;
  ConvLayer layer_;
  ReferenceConv expected_;
};

/// The implementations of this element that can run here.
[[nodiscard]] std::vector<std::string_view> runnable_implementations(Element element);

}  // namespace wbs::kernels
