// Whole networks on the CPU kernels: planned once, run many times.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.hpp"
#include "kernels/conv.hpp"
#include "networks/graph.hpp"
#include "networks/quantisation.hpp"
#include "runtime/batch_statistics.hpp"
#include "runtime/program.hpp"
#include "sparsity/mask.hpp"

namespace wbs::runtime {

/// Masks by node name; a layer without one is dense.
using Masks = std::map<std::string, sparsity::Mask>;

/// A convolution or matrix product about to be planned.
struct LayerView {
  std::string_view name;
  const kernels::ConvShape& shape;
  kernels::Element element;
  const sparsity::Mask* mask;  ///< null: dense
  const Tensor& weights;       ///< [cout][cin / groups][kh][kw]; integers for u8
};

/// How to run a layer; empty strings leave it to the kernels (ConvOptions).
struct LayerChoice {
  std::string algorithm;
  std::string force_impl;
};

using LayerChooser = std::function<LayerChoice(const LayerView& layer)>;

/// What happens to batch norms. Other than folded: fp32 only.
enum class BatchNorms : std::uint8_t {
  folded,    ///< into the layer before them where possible
  measured,  ///< steps of their own that collect the statistics of what they read
  by_batch,  ///< the same, and they normalise by the batch that runs, as in training
};

struct ExecutorOptions {
  kernels::Element element = kernels::Element::f32;
  std::int64_t batch = 0;  ///< 0: the graph's
  int threads = 1;
  const networks::Quantisation* quantisation = nullptr;  ///< needed for u8
  LayerChooser choose = {};                              ///< empty: all by default
  BatchNorms batch_norms = BatchNorms::folded;
};

struct MemoryUse {
  std::int64_t activation_bytes = 0;  ///< most live activations at any step
  std::int64_t scratch_bytes = 0;     ///< of the step that needs most
  std::int64_t arena_bytes = 0;       ///< what both together occupy
  std::int64_t weight_bytes = 0;      ///< packed weights with their index
  [[nodiscard]] std::int64_t total_bytes() const noexcept { return arena_bytes + weight_bytes; }
};

/// What a step is, for listings and measurements. Layers also have the members from
/// `implementation` on.
struct StepInfo {
  std::string name;
  StepKind kind = StepKind::reference;
  std::string_view operation;  ///< of the step's first node: "conv", "max_pool", ...
  std::string implementation, algorithm, packing;
  kernels::ConvShape shape;
  std::int64_t packed_macs = 0;
  std::int64_t weight_bytes = 0;
};

/// A step's result, valid until the next step runs.
struct StepView {
  const StepInfo& info;
  const Value& value;
  const void* data;  ///< in value.planes, or dense fp32
};

using StepObserver = std::function<void(const StepView& step)>;

/// A network ready to run: batch norms folded, layers fused with bias, residual and activation,
/// weights packed, every tensor placed. Not for several threads at once.
class Executor {
 public:
  /// Keeps no reference to its arguments. Shapes of `graph` are inferred anew. Throws Error: input
  /// for weights, masks or a quantisation that do not fit, unsupported for what no kernel can do.
  Executor(const networks::Graph& graph, const networks::Weights& weights, const Masks& masks,
           const ExecutorOptions& options);
  ~Executor();
  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// `output` holds the network's result for `input`, both dense fp32 of the shapes below.
  /// Allocates nothing but for operators that have no kernel (StepKind::reference).
  void run(const float* input, float* output);
  /// The same; calls `observer` with the input and then after each step.
  void run(const float* input, float* output, const StepObserver& observer);
  /// The same with a check of the shape: throws Error(input).
  [[nodiscard]] Tensor run(const Tensor& input);

  [[nodiscard]] const Shape& input_shape() const noexcept;
  [[nodiscard]] const Shape& output_shape() const noexcept;
  [[nodiscard]] const MemoryUse& memory() const noexcept;
  [[nodiscard]] const std::vector<StepInfo>& steps() const noexcept;
  [[nodiscard]] const Program& program() const noexcept;
  /// What the batch norms saw so far, by node name; nothing when they are folded.
  [[nodiscard]] std::map<std::string, ChannelStatistics> statistics() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wbs::runtime
