// SDGP: BP multiplies output gradients of which N of every M consecutive output channels are kept;
// FF, WU and the stored weights are dense. McDanel, Dinh and Magallanes, "Accelerating DNN Training
// with Structured Data Gradient Pruning", arXiv 2202.00774: random, the largest magnitudes, or the
// largest rescaled so that each channel of an image keeps its L1 norm.
#include <fmt/format.h>
#include <torch/torch.h>

#include "core/error.hpp"
#include "trainers/methods/kinds.hpp"
#include "trainers/methods/masks.hpp"
#include "trainers/methods/nm_search.hpp"
#include "trainers/methods/options.hpp"

namespace wbs::trainers {
namespace {

enum class Choice { rescaled, magnitude, random };

Result<void> accepts(const sparsity::Pattern& pattern) {
  return accept_nm(pattern, "sdgp");
}

class Sdgp final : public LayerMethod {
 public:
  explicit Sdgp(Choice choice) : LayerMethod(accepts), choice_(choice) {}

  void begin_step(const StepInfo& info) override { info_ = info; }

  [[nodiscard]] torch::Tensor final_mask(std::size_t /*layer*/,
                                         const torch::Tensor& weight) override {
    return torch::ones_like(weight.detach());
  }

  void exchange(StateArchive& /*archive*/) override {}

 private:
  void prepare(const MethodContext& context) override {
    seed_ = context.seed;
    for (std::size_t i = 0; i < count(); ++i) {
      products_[i].bp_density = kept_share(layer(i).weight.size(0), nm(i).kept, nm(i).group);
      products_[i].prune_output_gradient = [this, i](const torch::Tensor& gradient) {
        return prune(i, gradient);
      };
    }
  }

  [[nodiscard]] torch::Tensor prune(std::size_t index, const torch::Tensor& gradient) const {
    const torch::NoGradGuard no_grad;
    const bool convolution = layer(index).weight.dim() == 4;
    const NmGroups groups{nm(index).kept, nm(index).group, convolution ? 1 : gradient.dim() - 1};
    const torch::Tensor values = gradient.to(torch::kFloat32).contiguous();
    if (choice_ == Choice::random) {
      const torch::Tensor mask = largest_keys(random_keys(index, values), groups);
      return values.masked_fill(mask.logical_not(), 0.0).to(gradient.scalar_type());
    }
    const torch::Tensor kept = keep_largest(values, groups);
    if (choice_ == Choice::rescaled) rescale(kept, values, convolution);
    return kept.to(gradient.scalar_type());
  }

  /// Each image's channel (linear layers: each row) gets the L1 norm that it had before; one of
  /// which nothing is kept stays zero.
  static void rescale(const torch::Tensor& kept, const torch::Tensor& values, bool convolution) {
    std::vector<std::int64_t> summed{values.dim() - 1};
    if (convolution) summed = {2, 3};
    const torch::Tensor after = torch::linalg_vector_norm(kept, 1, summed, /*keepdim=*/true);
    const torch::Tensor ratio =
        torch::linalg_vector_norm(values, 1, summed, /*keepdim=*/true) / after;
    kept.mul_(ratio.masked_fill(after.eq(0.0), 1.0));
  }

  /// 16 random bits per element, image by image, so that ranks that share a batch draw what one
  /// rank would. Drawn on the CPU also for other devices.
  [[nodiscard]] torch::Tensor random_keys(std::size_t index, const torch::Tensor& like) const {
    Rng rng = layer_rng(seed_, "sdgp", layer(index).name, info_.step);
    const torch::Tensor keys = torch::empty(like.sizes(), torch::kInt32);
    const std::int64_t per_image = keys.size(0) == 0 ? 0 : keys.numel() / keys.size(0);
    const std::int64_t words = (per_image + 1) / 2;
    rng.seek(static_cast<std::uint64_t>(info_.first_image * words));
    std::int32_t* next = keys.data_ptr<std::int32_t>();
    for (std::int64_t image = 0; image < keys.size(0); ++image, next += per_image) {
      for (std::int64_t i = 0; i < per_image; i += 2) {
        const std::uint32_t word = rng.next_u32();
        next[i] = static_cast<std::int32_t>(word & 0xFFFFU);
        if (i + 1 < per_image) next[i + 1] = static_cast<std::int32_t>(word >> 16);
      }
    }
    return keys.to(like.device());
  }

  Choice choice_;
  std::uint64_t seed_ = 0;
  StepInfo info_;
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions reader(options, "sdgp");
  std::size_t choice = 0;
  reader->read_choice("choice", choice, {"rescaled", "magnitude", "random"});
  reader.done();
  return std::make_unique<Sdgp>(static_cast<Choice>(choice));
}

}  // namespace

MethodKind sdgp_kind() noexcept {
  return {"sdgp",
          "prunes output gradients to N of every M in BP only; stored weights stay dense",
          "SDGP, arXiv 2202.00774",
          make,
          accepts,
          false};
}

}  // namespace wbs::trainers
