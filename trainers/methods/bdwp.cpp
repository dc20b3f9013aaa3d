// BDWP, bidirectional weight pruning: FF multiplies the N largest of every M weights along input
// channels, BP those along output channels, both chosen from one dense master weight in every step;
// WU is dense. Fang et al., arXiv 2309.13015 (IEEE TCAD 2023). That the groups run along the
// reduction dimension of each product is recalled from the paper's body, not checked against it;
// neither is the decay of SR-STE, which is an option and off.
#include <torch/torch.h>

#include "trainers/methods/kinds.hpp"
#include "trainers/methods/options.hpp"
#include "trainers/methods/stepwise_nm.hpp"

namespace wbs::trainers {
namespace {

constexpr sparsity::Axis kStored = sparsity::Axis::in;

Result<void> accepts(const sparsity::Pattern& pattern) {
  return accept_nm(pattern, "bdwp", &kStored);
}

class Bdwp final : public StepwiseNm {
 public:
  explicit Bdwp(double decay) : StepwiseNm(accepts), decay_(decay) {}

 private:
  [[nodiscard]] Products products_for(sparsity::Axis /*axis*/) const override {
    return {kStored, sparsity::Axis::out, false, decay_};
  }

  double decay_;
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions reader(options, "bdwp");
  double decay = 0.0;
  reader->read("decay", decay, 0.0, 1.0);
  reader.done();
  return std::make_unique<Bdwp>(decay);
}

}  // namespace

MethodKind bdwp_kind() noexcept {
  return {"bdwp",
          "keeps the N largest of every M weights along input channels in FF and along output "
          "channels in BP",
          "BDWP, arXiv 2309.13015",
          make,
          accepts,
          true};
}

}  // namespace wbs::trainers
