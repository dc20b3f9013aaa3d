// What a training run would store and how good that is.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "networks/graph.hpp"
#include "trainers/batches.hpp"
#include "trainers/graph_module.hpp"
#include "trainers/method.hpp"
#include "trainers/ranks.hpp"
#include "trainers/recipe.hpp"

namespace wbs::trainers {

/// What was measured on the tensors that are stored.
struct Evaluation {
  /// Share of the test images that the network gets right; nothing where the stored tensors do not
  /// satisfy their pattern, since the number would be another network's.
  std::optional<double> accuracy;
  std::string reason;           ///< why there is no accuracy, one sentence
  double accuracy_as_is = 0.0;  ///< of the stored tensors, whether they satisfy the pattern or not
  double achieved_sparsity = 0.0;  ///< zeros among the weights of all sparsified layers together
};

/// The network that a run stores: weights or their moving average, under the final masks, with
/// batch statistics measured anew where the recipe asks for it.
class StoredNetwork {
 public:
  /// With `satisfying`, an accuracy counts only when the stored weights satisfy the layers'
  /// patterns.
  StoredNetwork(const GraphModule& trained, const std::vector<SparseLayer>& layers,
                bool satisfying);

  /// Takes the values of `trained`, replaced by those of `average` where it has them, and applies
  /// the final masks of `method`.
  void take(const GraphModule& trained, const std::map<std::string, torch::Tensor>& average,
            Method& method);
  /// Replaces the batch statistics by the means over `batches` batches of epoch 0 of `train`.
  void recalibrate(BatchSource& train, std::int64_t batches, Ranks& ranks);
  /// Runs all test images. Collective.
  [[nodiscard]] Evaluation evaluate(BatchSource& test, Ranks& ranks);

  [[nodiscard]] networks::Weights weights() const { return network_.weights(); }

 private:
  GraphModule network_;
  std::vector<std::string> names_;  // of the sparse layers
  std::vector<sparsity::Pattern> patterns_;
};

/// The digest of all tensors, by key.
[[nodiscard]] std::string digest_of(const networks::Weights& weights);

}  // namespace wbs::trainers
