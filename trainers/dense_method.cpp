#include "trainers/dense_method.hpp"

#include <torch/torch.h>

#include "trainers/fields.hpp"

namespace wbs::trainers {
namespace {

class DenseMethod final : public Method {
 public:
  void start(std::vector<SparseLayer> layers, const MethodContext& /*context*/) override {
    products_.assign(layers.size(), {});
  }
  void begin_step(const StepInfo& /*info*/) override {}
  [[nodiscard]] torch::Tensor final_mask(std::size_t /*layer*/,
                                         const torch::Tensor& weight) override {
    return torch::ones_like(weight.detach());
  }
  void exchange(StateArchive& /*archive*/) override {}
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  std::vector<std::string> problems;
  Fields(options, "method", problems).finish();
  throw_problems(problems);
  return std::make_unique<DenseMethod>();
}

Result<void> accepts(const sparsity::Pattern& pattern) {
  if (sparsity::is_dense(pattern)) return {};
  return refusal("method 'dense' prunes nothing: it takes the pattern 'dense' only");
}

constexpr MethodKind kDense{"dense", "no pruning", "", make, accepts};

}  // namespace

const MethodKind& dense_method() noexcept {
  return kDense;
}

}  // namespace wbs::trainers
