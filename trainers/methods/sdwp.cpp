// SDWP: BP multiplies the N largest of every M weights, in groups along output channels, its
// reduction dimension; FF and WU are dense, and so are the stored weights. One of the methods that
// BDWP is compared with, arXiv 2309.13015 (described from memory of the paper's body).
#include <torch/torch.h>

#include "trainers/methods/kinds.hpp"
#include "trainers/methods/options.hpp"
#include "trainers/methods/stepwise_nm.hpp"

namespace wbs::trainers {
namespace {

Result<void> accepts(const sparsity::Pattern& pattern) {
  return accept_nm(pattern, "sdwp");
}

class Sdwp final : public StepwiseNm {
 public:
  Sdwp() : StepwiseNm(accepts) {}

 private:
  [[nodiscard]] Products products_for(sparsity::Axis /*axis*/) const override {
    return {{}, sparsity::Axis::out, false, 0.0};
  }
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions(options, "sdwp").done();
  return std::make_unique<Sdwp>();
}

}  // namespace

MethodKind sdwp_kind() noexcept {
  return {"sdwp",
          "keeps the N largest of every M weights in BP only; stored weights stay dense",
          "compared with in BDWP, arXiv 2309.13015",
          make,
          accepts,
          false};
}

}  // namespace wbs::trainers
