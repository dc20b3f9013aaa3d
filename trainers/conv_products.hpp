// FF and BP of a sparse convolution on the kernels of kernels/, for training: plans are made once
// and get new weight values in every step. No LibTorch here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/conv.hpp"
#include "sparsity/mask.hpp"

namespace wbs::trainers {

/// Both products of one layer, without bias. fp32, no groups, dilation 1. All tensors are dense and
/// row-major: x and dx [n][in][h][w], y and dy [n][out][oh][ow], weights [out][in][kh][kw].
///
/// What is skipped are the zeros of the weights at hand, cell by cell of `granularity`: the caller
/// multiplies by the mask, and a mask that changes is noticed. Then, and when the images' shape is
/// new, the layer is planned again (tens of milliseconds for 512x512x3x3); else only the values
/// are reloaded.
class ConvProducts {
 public:
  ConvProducts(sparsity::Granularity granularity, int threads);
  ~ConvProducts();
  ConvProducts(const ConvProducts&) = delete;
  ConvProducts& operator=(const ConvProducts&) = delete;

  /// y = conv(x, weight). `shape` is the forward convolution's. Same arguments, same bits.
  void forward(const kernels::ConvShape& shape, const float* weight, const float* x, float* y);

  /// dx: the gradient of x when y's is `dy`. With strides, each phase of dx's pixels is a small
  /// convolution of dy with those taps that reach it.
  void input_gradient(const kernels::ConvShape& shape, const float* weight, const float* dy,
                      float* dx);

  /// "winograd4", "direct": of the latest forward() and of the first phase of the latest
  /// input_gradient(); for reports.
  [[nodiscard]] std::string algorithms() const;

 private:
  struct Phase;
  struct Planned;
  Planned& planned(std::vector<std::unique_ptr<Planned>>& plans, const kernels::ConvShape& shape,
                   const float* weight, bool backward);
  [[nodiscard]] std::unique_ptr<Planned> plan(const kernels::ConvShape& shape, const float* weight,
                                              bool backward) const;

  sparsity::Granularity granularity_;
  int threads_;
  std::vector<std::uint64_t> zeros_;  // scratch of planned()
  std::vector<std::unique_ptr<Planned>> forward_;
  std::vector<std::unique_ptr<Planned>> backward_;
};

/// The bits of a mask that keeps exactly the cells with a non-zero weight; as Mask::words().
void nonzero_cells(const sparsity::Plane& plane, sparsity::Granularity granularity,
                   const float* weights, std::vector<std::uint64_t>& words);

/// Along one axis, which taps of a strided convolution reach the pixels phase, phase + stride, ...
/// of its input, as an own convolution over its output.
struct AxisPhase {
  std::int64_t pixels = 0;         ///< of this phase
  std::vector<std::int64_t> taps;  ///< of the forward kernel, in the order of the phase's kernel
  std::int64_t first = 0;          ///< the phase's first pixel among the convolution's outputs
  std::int64_t pad_before = 0;
  std::int64_t pad_after = 0;
};
[[nodiscard]] AxisPhase axis_phase(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                   std::int64_t stride, std::int64_t padding, std::int64_t phase);

}  // namespace wbs::trainers
