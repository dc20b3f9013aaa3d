// N:M masks of the dense master weights, found anew in every step.
#pragma once

#include <torch/types.h>

#include <optional>
#include <vector>

#include "trainers/methods/masks.hpp"
#include "trainers/methods/nm_search.hpp"

namespace wbs::trainers {

/// The largest N of every M weights along one axis, kept from step to step.
struct NmWeights {
  torch::Tensor values;  ///< weight * mask
  torch::Tensor mask;    ///< bool

  /// Both for `weight` as it is; returns how many mask bits changed, an int64 scalar.
  torch::Tensor refresh(const torch::Tensor& weight, const NmGroups& groups);
};

/// FF, BP or both multiply weights that are pruned to N:M in every step; gradients go straight
/// through to a dense master weight.
class StepwiseNm : public LayerMethod {
 public:
  /// Which products see pruned weights, and along which channels their groups run.
  struct Products {
    std::optional<sparsity::Axis> forward;   ///< none: FF is dense
    std::optional<sparsity::Axis> backward;  ///< none: BP is dense
    /// BP multiplies what FF does. Its groups do not run along BP's reduction dimension, so its
    /// MACs count as dense.
    bool backward_as_forward = false;
    /// SR-STE: gradient += decay * (1 - mask of FF) * weight.
    double decay = 0.0;
  };

  void begin_step(const StepInfo& info) final;
  void before_update() final;
  [[nodiscard]] torch::Tensor final_mask(std::size_t layer, const torch::Tensor& weight) final;
  void exchange(StateArchive& archive) final;

 protected:
  using LayerMethod::LayerMethod;

  /// Asked once per layer, for its pattern's axis.
  [[nodiscard]] virtual Products products_for(sparsity::Axis axis) const = 0;

 private:
  void prepare(const MethodContext& context) final;
  [[nodiscard]] torch::Tensor refresh(std::size_t index);
  [[nodiscard]] NmGroups groups(std::size_t index, sparsity::Axis axis) const {
    return groups_along(nm(index), axis);
  }

  std::vector<Products> used_;
  std::vector<NmWeights> forward_;
  std::vector<NmWeights> backward_;
};

}  // namespace wbs::trainers
