// What a sparse-training method is to the trainer: which weights each product of a step may use.
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::trainers {

/// A convolution or linear layer that the pattern applies to.
struct SparseLayer {
  std::string name;      ///< node name
  torch::Tensor weight;  ///< master weight, fp32, [out][in][kh][kw] or [out][in]; a leaf
                         ///< that requires grad and is updated in place, never replaced
  sparsity::Pattern pattern;
  std::int64_t macs = 0;  ///< dense multiply-accumulates of FF per image
};

/// How the three products of one layer are pruned in this step: FF (forward), BP (gradient of the
/// input) and WU (gradient of the weight). Undefined tensors mean dense.
struct LayerProducts {
  /// What FF multiplies: the weight itself or weight * mask, the weight's shape, detached. When it
  /// requires grad (trainable masks), the layer runs through plain autograd instead: gradients go
  /// to whatever this tensor was computed from, and the three members after it must be empty.
  torch::Tensor forward_weight;
  torch::Tensor backward_weight;  ///< what BP multiplies; undefined: the master weight
  /// The output gradient that BP uses, from the true one ([n][out][h][w] or [...][out]); WU keeps
  /// the true one. Empty: none.
  std::function<torch::Tensor(const torch::Tensor&)> prune_output_gradient;
  /// Fixed masks: the weight's gradient is multiplied by it. Undefined: straight through.
  torch::Tensor weight_gradient_mask;

  /// Share of the dense MACs that each product needs, for the accounting.
  double ff_density = 1.0;
  double bp_density = 1.0;
  double wu_density = 1.0;
};

/// Where training stands. Counts start at 0.
struct StepInfo {
  std::int64_t epoch = 0;
  std::int64_t step = 0;    ///< over all epochs
  std::int64_t epochs = 0;  ///< the whole run's
  std::int64_t steps_per_epoch = 0;
  std::int64_t total_steps = 0;  ///< epochs * steps_per_epoch
  double learning_rate = 0.0;    ///< of this step
  std::int64_t first_image = 0;  ///< place of this rank's first image in the step's whole batch
};

/// What a method may ask of the trainer when it starts. Calls of the functions are collective: with
/// several ranks every rank makes the same ones.
struct MethodContext {
  std::uint64_t seed = 1;  ///< for core/rng.hpp, with a stream of the method's own
  torch::Device device = torch::kCPU;
  /// exchange() will restore a checkpoint right after start(), weights before it: a method spares
  /// what it would only estimate to have it replaced.
  bool resuming = false;
  std::int64_t batches = 0;  ///< calibration batches that loss_of() knows
  /// The mean loss of this rank's part of calibration batch `index`, with its graph attached to the
  /// layers' weights: call torch::autograd::grad on it, with create_graph for Hessian products. The
  /// network is in evaluation mode (stored batch statistics, no dropout), all products dense.
  std::function<torch::Tensor(std::int64_t index)> loss_of;
  /// Replaces the tensors by their means over the ranks, in place.
  std::function<void(std::span<torch::Tensor>)> average;
};

/// A method's state on its way to or from a checkpoint. One function describes both directions:
/// every call stores the argument or replaces it by the stored one.
class StateArchive {
 public:
  /// An archive that collects.
  StateArchive() : saving_(true) {}
  /// An archive that hands out; tensors and numbers as the collecting one held them.
  StateArchive(std::map<std::string, torch::Tensor> tensors, std::map<std::string, double> numbers)
      : saving_(false), tensors_(std::move(tensors)), numbers_(std::move(numbers)) {}

  [[nodiscard]] bool saving() const noexcept { return saving_; }

  /// fp32 or bool tensors, undefined ones too. Loading copies into `value` when it is defined and
  /// has the stored shape, keeping its identity, device and type; else it replaces it. Throws
  /// Error(input) when the archive has no tensor of that name.
  void tensor(const std::string& name, torch::Tensor& value);
  void number(const std::string& name, double& value);
  /// Integers up to 2^53.
  void number(const std::string& name, std::int64_t& value);

  [[nodiscard]] const std::map<std::string, torch::Tensor>& tensors() const { return tensors_; }
  [[nodiscard]] const std::map<std::string, double>& numbers() const { return numbers_; }

 private:
  bool saving_;
  std::map<std::string, torch::Tensor> tensors_;
  std::map<std::string, double> numbers_;
};

/// One published way to train sparse weights. The trainer calls start() once, then per step
/// begin_step(), forward and backward passes over products(), before_update(), the optimiser,
/// end_step(). Everything is deterministic: random numbers come from core/rng.hpp seeded by the
/// context, and steps are counted, so that exchange() can restore any state.
class Method {
 public:
  Method() = default;
  virtual ~Method() = default;
  Method(const Method&) = delete;
  Method& operator=(const Method&) = delete;

  /// The layers' weights are loaded; afterwards products() is valid. The method keeps the layers
  /// (their tensors are shared handles). Throws Error(unsupported) with the reason when a pattern
  /// makes no sense for it.
  virtual void start(std::vector<SparseLayer> layers, const MethodContext& context) = 0;

  /// Refreshes masks where the schedule asks for it and the products of every layer. Without
  /// gradients recorded, unless the method enables them for a trainable forward_weight.
  virtual void begin_step(const StepInfo& info) = 0;

  /// A term of the loss with its graph, or undefined.
  virtual torch::Tensor penalty() { return {}; }

  /// After the backward pass (gradients are averaged over ranks), before clipping and the
  /// optimiser: may change the weights' gradients in place (SR-STE's decay).
  virtual void before_update() {}

  /// After the optimiser: may change the weights in place (momentum must not revive fixed zeros).
  virtual void end_step() {}

  /// The 0/1 mask, of the weight's shape and type, under which `weight` of layer `layer` is stored
  /// and evaluated. `weight` is the layer's or its moving average. Pruning at the end must not
  /// change the method's state.
  [[nodiscard]] virtual torch::Tensor final_mask(std::size_t layer,
                                                 const torch::Tensor& weight) = 0;

  /// Stores or restores everything that later steps depend on and the weights do not hold.
  virtual void exchange(StateArchive& archive) = 0;

  [[nodiscard]] const LayerProducts& products(std::size_t layer) const {
    return products_.at(layer);
  }
  /// Parameters of the method's own (trainable masks): leaves that the optimiser updates without
  /// weight decay.
  [[nodiscard]] const std::vector<torch::Tensor>& parameters() const { return parameters_; }
  /// Mask bits that changed in the last begin_step(), over all layers: an integer scalar on the
  /// device, or undefined for none (SAD of arXiv 2102.04010, per step).
  [[nodiscard]] const torch::Tensor& mask_changes() const { return mask_changes_; }

 protected:
  std::vector<LayerProducts> products_;
  std::vector<torch::Tensor> parameters_;
  torch::Tensor mask_changes_;
};

/// How a request names a method and what `wbs list` says about it.
struct MethodKind {
  std::string_view name;     ///< "sr_ste"
  std::string_view summary;  ///< one line
  std::string_view source;   ///< where it was published
  /// The method with its options (a JSON object; unknown keys and bad values throw Error(usage)).
  std::unique_ptr<Method> (*make)(const nlohmann::json& options);
  /// Nothing when the method can train `pattern`; else why not, one sentence.
  Result<void> (*accepts)(const sparsity::Pattern& pattern);
  /// False: the stored weights stay dense, the pattern is that of a product in BP (SDGP, SDWP).
  bool prunes_weights = true;
};

/// The kind of that name. Throws Error(usage) with the closest known name.
[[nodiscard]] const MethodKind& find_method(std::span<const MethodKind> kinds,
                                            std::string_view name);

}  // namespace wbs::trainers
