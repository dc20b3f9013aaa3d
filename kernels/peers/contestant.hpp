// What is measured: one way to compute one layer, with its own copies of weights and activations.
#pragma once

#include <cstdint>
#include <string>

#include "core/tensor.hpp"
#include "kernels/conv.hpp"

namespace wbs::kernels::peers {

/// A layer with the values that every contestant computes on. `layer.weights` and `layer.mask`
/// outlive it. Activations are exact in the layer's element: integers in [0, 255] for u8 (zero
/// point 0), values that bf16 can hold for bf16.
struct Problem {
  ConvLayer layer;
  Tensor input;     ///< [n][cin][h][w]
  Tensor residual;  ///< [n][cout][oh][ow] when the epilogue adds one, else empty
};

/// How a contestant prepares itself. Run r uses set r % weight_copies of the weights and set
/// r % activation_copies of input and output, all of the same values: a layer then meets the caches
/// as it would inside a network, where other weights went through them since it last ran.
struct Setup {
  int threads = 1;
  int weight_copies = 1;
  int activation_copies = 1;
};

/// Who a contestant is.
struct ContestantInfo {
  std::string name;                   ///< "wbs", "onednn", "onednn-winograd", "openblas", "libxsmm"
  std::string algorithm;              ///< "direct", "winograd", "gemm"
  std::string implementation;         ///< as the library calls it: "brgconv:avx512_core_vnni"
  std::int64_t weight_bytes = 0;      ///< of one copy, with bias and index
  std::int64_t activation_bytes = 0;  ///< input, output and residual of one copy
};

/// A prepared layer. The output buffer also is the residual, as in a network: a run adds to what
/// the run before left there, unless reset() was called. Virtual because a user names peers at run
/// time.
class Contestant {
 public:
  Contestant() = default;
  Contestant(const Contestant&) = delete;
  Contestant& operator=(const Contestant&) = delete;
  virtual ~Contestant() = default;

  [[nodiscard]] virtual ContestantInfo info() const = 0;
  /// The residual of run `round` is the problem's again.
  virtual void reset(int round) = 0;
  /// The output of run `round` holds the layer's result: what is timed.
  virtual void run(int round) noexcept = 0;
  /// That output as [n][cout][oh][ow].
  [[nodiscard]] virtual Tensor output(int round) const = 0;
};

/// [n][cout][oh][ow] of a layer.
[[nodiscard]] Shape output_shape(const ConvShape& shape);

}  // namespace wbs::kernels::peers
