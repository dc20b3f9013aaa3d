// SR-STE: FF multiplies the N largest of every M weights, chosen anew in every step; gradients go
// straight through to the dense weights, plus decay * (1 - mask) * weight. Zhou et al., "Learning
// N:M Fine-grained Structured Sparse Neural Networks From Scratch", arXiv 2102.04010, equation 9.
// The input's gradient flows through the pruned weights, as in autograd. Their layout along the
// flattened kernel is no pattern here: groups run along input or along output channels.
#include <torch/torch.h>

#include "trainers/methods/kinds.hpp"
#include "trainers/methods/options.hpp"
#include "trainers/methods/stepwise_nm.hpp"

namespace wbs::trainers {
namespace {

Result<void> accepts(const sparsity::Pattern& pattern) {
  return accept_nm(pattern, "sr_ste");
}

class SrSte final : public StepwiseNm {
 public:
  SrSte(double decay, bool dense_backward)
      : StepwiseNm(accepts), decay_(decay), dense_backward_(dense_backward) {}

 private:
  [[nodiscard]] Products products_for(sparsity::Axis axis) const override {
    return {axis, {}, !dense_backward_, decay_};
  }

  double decay_;
  bool dense_backward_;
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions reader(options, "sr_ste");
  double decay = 2e-4;
  bool dense_backward = false;
  reader->read("decay", decay, 0.0, 1.0);
  reader->read("dense_backward", dense_backward);
  reader.done();
  return std::make_unique<SrSte>(decay, dense_backward);
}

}  // namespace

MethodKind sr_ste_kind() noexcept {
  return {
      "sr_ste",
      "keeps the N largest of every M weights in FF anew in each step, with a decay of the rest",
      "SR-STE, arXiv 2102.04010",
      make,
      accepts,
      true};
}

}  // namespace wbs::trainers
