// Masks as tensors, and what the methods share.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/rng.hpp"
#include "sparsity/mask.hpp"
#include "trainers/method.hpp"

namespace wbs::trainers {

/// The mask as 0 and 1 per weight: fp32, of the weights' shape, on `device`.
[[nodiscard]] torch::Tensor mask_tensor(const sparsity::Mask& mask, const torch::Device& device);

/// The share of ones (of non-zeros) in a mask.
[[nodiscard]] double kept_share(const torch::Tensor& mask);

/// Sets FF and BP densities for weights under a mask of `pattern` that keeps the share `kept`. A
/// product does the share of MACs that its form can skip: blocks, single weights and channels in
/// FF and BP; groups of N:M only where they run along the product's reduction dimension, input
/// channels in FF, output channels in BP. WU is dense.
void set_densities(LayerProducts& products, const sparsity::Pattern& pattern, double kept);

/// Random numbers for one purpose in one layer: independent of layers' order and of ranks. `index`
/// tells draws of the same purpose apart (a step, an iteration).
[[nodiscard]] Rng layer_rng(std::uint64_t seed, std::string_view purpose, std::string_view layer,
                            std::int64_t index = 0);

/// Nothing when `pattern` is N:M, along `axis` where given; else why `method` cannot train it.
[[nodiscard]] Result<void> accept_nm(const sparsity::Pattern& pattern, std::string_view method,
                                     const sparsity::Axis* axis = nullptr);
/// Nothing unless `pattern` is dense.
[[nodiscard]] Result<void> refuse_dense(const sparsity::Pattern& pattern, std::string_view method);

/// A method that keeps its layers.
class LayerMethod : public Method {
 public:
  void start(std::vector<SparseLayer> layers, const MethodContext& context) final;

 protected:
  explicit LayerMethod(Result<void> (*accepts)(const sparsity::Pattern&)) : accepts_(accepts) {}

  /// layers_ is set and every pattern accepted; products_ holds dense products.
  virtual void prepare(const MethodContext& context) = 0;

  [[nodiscard]] std::size_t count() const noexcept { return layers_.size(); }
  [[nodiscard]] const SparseLayer& layer(std::size_t index) const { return layers_[index]; }
  [[nodiscard]] const std::vector<SparseLayer>& layers() const noexcept { return layers_; }
  /// The pattern of a layer that is known to be N:M.
  [[nodiscard]] const sparsity::NmPattern& nm(std::size_t index) const;

 private:
  Result<void> (*accepts_)(const sparsity::Pattern&);
  std::vector<SparseLayer> layers_;
};

/// A method whose weights are zero outside one mask per layer: FF and BP multiply the master
/// weight, which is masked at start, after every update and whenever the mask changes.
class MaskedMethod : public LayerMethod {
 public:
  void begin_step(const StepInfo& /*info*/) override {}
  void end_step() final;
  [[nodiscard]] torch::Tensor final_mask(std::size_t layer, const torch::Tensor& weight) override;
  void exchange(StateArchive& archive) override;

 protected:
  using LayerMethod::LayerMethod;

  /// The mask of one layer from now on; the weight is masked at once.
  void set_mask(std::size_t index, const sparsity::Mask& mask);
  [[nodiscard]] const torch::Tensor& mask(std::size_t index) const { return masks_[index]; }

 private:
  void describe(std::size_t index);

  std::vector<torch::Tensor> masks_;
};

/// A masked method whose masks are chosen once.
class FixedMaskMethod : public MaskedMethod {
 protected:
  using MaskedMethod::MaskedMethod;

  /// One mask per layer. Not called when training resumes: exchange() brings the masks.
  [[nodiscard]] virtual std::vector<sparsity::Mask> choose(const MethodContext& context) = 0;

 private:
  void prepare(const MethodContext& context) final;
};

}  // namespace wbs::trainers
