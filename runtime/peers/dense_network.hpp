// A whole network on dense oneDNN, done as well as that library allows: the side to beat.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "kernels/element.hpp"
#include "networks/graph.hpp"
#include "networks/quantisation.hpp"

namespace wbs::runtime::peers {

struct DenseOptions {
  kernels::Element element = kernels::Element::f32;
  std::int64_t batch = 0;  ///< 0: the graph's
  int threads = 1;
  const networks::Quantisation* quantisation = nullptr;  ///< needed for u8
  /// Take Winograd for fp32 3x3 convolutions where, its reorders included, it is timed faster.
  bool winograd = false;
};

/// One primitive of the network.
struct DenseStep {
  std::string name;
  std::string kind;            ///< "conv", "reorder", "pool", "concat", ...
  std::string implementation;  ///< as oneDNN calls it
};

struct DenseMemory {
  std::int64_t arena_bytes = 0;   ///< activations and scratchpads, placed by their lifetimes
  std::int64_t weight_bytes = 0;  ///< in oneDNN's formats, with biases
  [[nodiscard]] std::int64_t total_bytes() const noexcept { return arena_bytes + weight_bytes; }
};

/// The steps that our runtime fuses, as oneDNN primitives: convolutions and matrix products with
/// bias, residual sum (in place where nobody else reads it) and ReLU or clip as post-operations,
/// weights and activations in the formats that each primitive prefers, reorders only where two
/// disagree, one arena. Virtual because the library is optional. Not for several threads at once.
class DenseNetwork {
 public:
  DenseNetwork() = default;
  DenseNetwork(const DenseNetwork&) = delete;
  DenseNetwork& operator=(const DenseNetwork&) = delete;
  virtual ~DenseNetwork() = default;

  /// `output` holds the network's result for `input`, both dense fp32.
  virtual void run(const float* input, float* output) noexcept = 0;
  /// The same; milliseconds of each step go to `step_ms`.
  virtual void run_timed(const float* input, float* output, std::vector<double>& step_ms) = 0;
  [[nodiscard]] virtual const Shape& input_shape() const noexcept = 0;
  [[nodiscard]] virtual const Shape& output_shape() const noexcept = 0;
  [[nodiscard]] virtual const DenseMemory& memory() const noexcept = 0;
  [[nodiscard]] virtual const std::vector<DenseStep>& steps() const noexcept = 0;
};

/// The network, planned; the refusal names the operator that is not prepared for oneDNN, or says
/// that this build lacks the library. Throws Error(input) for weights or a quantisation that do not
/// fit. Keeps no reference to its arguments.
[[nodiscard]] Result<std::unique_ptr<DenseNetwork>> make_dense_network(
    const networks::Graph& graph, const networks::Weights& weights, const DenseOptions& options);

}  // namespace wbs::runtime::peers
