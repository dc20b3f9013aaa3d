// ASP: a trained model is pruned once to N:M by magnitude and the training recipe is repeated with
// the mask fixed. Mishra et al., "Accelerating Sparse Deep Neural Networks", arXiv 2104.08378.
#include <torch/torch.h>

#include "sparsity/magnitude.hpp"
#include "trainers/methods/kinds.hpp"
#include "trainers/methods/masks.hpp"
#include "trainers/methods/options.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

constexpr sparsity::Axis kAxis = sparsity::Axis::in;

Result<void> accepts(const sparsity::Pattern& pattern) {
  return accept_nm(pattern, "asp", &kAxis);
}

class Asp final : public FixedMaskMethod {
 public:
  Asp() : FixedMaskMethod(accepts) {}

 private:
  std::vector<sparsity::Mask> choose(const MethodContext& /*context*/) override {
    std::vector<sparsity::Mask> masks;
    for (std::size_t i = 0; i < count(); ++i) {
      masks.push_back(sparsity::largest_of_groups(from_torch(layer(i).weight), nm(i)));
    }
    return masks;
  }
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions(options, "asp").done();
  return std::make_unique<Asp>();
}

}  // namespace

MethodKind asp_kind() noexcept {
  return {"asp",
          "prunes a trained model once to N:M by magnitude, then repeats its training",
          "ASP, arXiv 2104.08378",
          make,
          accepts,
          true};
}

}  // namespace wbs::trainers
