// Trainable mask: a factor G per block is learned with the weights, under a penalty that pulls G
// towards 0 and 1 with the wanted number of ones. Weight Block Sparsity, arXiv 2407.09453, scheme
// (c), penalties lambda 0, 1 and 2. The authors report no success with it.
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>

#include "core/error.hpp"
#include "sparsity/prune.hpp"
#include "trainers/methods/kinds.hpp"
#include "trainers/methods/masks.hpp"
#include "trainers/methods/options.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

Result<void> accepts(const sparsity::Pattern& pattern) {
  if (!std::holds_alternative<sparsity::NmPattern>(pattern)) {
    return refuse_dense(pattern, "trainable_mask");
  }
  return refusal(fmt::format(
      "method trainable_mask learns which of all blocks of a layer stay, and pattern {} chooses in "
      "every group; expected block:RxC@RATIO, unstructured@RATIO or channel@RATIO",
      sparsity::to_string(pattern)));
}

struct Options {
  std::int64_t penalty = 0;  ///< which lambda
  double weight = 1.0;       ///< of the penalty in the loss
  double alpha = 100.0;      ///< sharpness of the smoothed maximum
  double beta = 1e-3;
  double iota = 1e-3;
  double harden = 0.5;  ///< share of the run's steps after which the mask is fixed
};

/// max(x) smoothed: log(sum of exp(alpha x)) / alpha.
torch::Tensor smooth_max(const torch::Tensor& x, double alpha) {
  return torch::logsumexp(x.flatten() * alpha, 0) / alpha;
}

/// max(x, 0) per element, smoothed the same way, added up.
torch::Tensor smooth_excess(const torch::Tensor& x, double alpha) {
  return (torch::softplus(x * alpha) / alpha).sum();
}

torch::Tensor penalty_of(const torch::Tensor& factors, double wanted, const Options& options) {
  const torch::Tensor largest = smooth_max(factors, options.alpha);
  const torch::Tensor smallest = -smooth_max(-factors, options.alpha);
  torch::Tensor result =
      (factors.sum() - wanted).abs() * options.beta + factors.abs().sum() * options.iota;
  if (options.penalty > 0) {
    result = result + smooth_excess(-factors, options.alpha) +
             smooth_excess(factors - 1.0, options.alpha);
  }
  return options.penalty == 2 ? result - smallest / largest : result - (largest - smallest);
}

class TrainableMask final : public LayerMethod {
 public:
  explicit TrainableMask(const Options& options) : LayerMethod(accepts), options_(options) {}

  void begin_step(const StepInfo& info) override {
    mask_changes_.reset();
    if (hardened_ != 0) return;
    const auto last =
        static_cast<std::int64_t>(options_.harden * static_cast<double>(info.total_steps));
    if (info.step >= std::min(last, info.total_steps - 1)) return harden();
    const torch::AutoGradMode recording(true);
    for (std::size_t i = 0; i < count(); ++i) {
      products_[i].forward_weight = layer(i).weight * expanded(i, parameters_[i]);
    }
  }

  torch::Tensor penalty() override {
    if (hardened_ != 0) return {};
    const torch::AutoGradMode recording(true);
    torch::Tensor sum;
    for (std::size_t i = 0; i < count(); ++i) {
      const double wanted = static_cast<double>(parameters_[i].numel() - zeros_[i]);
      const torch::Tensor own = penalty_of(parameters_[i], wanted, options_) * options_.weight;
      sum = sum.defined() ? sum + own : own;
    }
    return sum;
  }

  void end_step() override {
    if (hardened_ == 0) return;
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < count(); ++i) layer(i).weight.detach().mul_(masks_[i]);
  }

  [[nodiscard]] torch::Tensor final_mask(std::size_t index,
                                         const torch::Tensor& /*weight*/) override {
    return hardened_ != 0 ? masks_.at(index) : best_mask(index);
  }

  void exchange(StateArchive& archive) override {
    archive.number("hardened", hardened_);
    for (std::size_t i = 0; i < count(); ++i) {
      archive.tensor("factors." + layer(i).name, parameters_[i]);
      archive.tensor("mask." + layer(i).name, masks_[i]);
    }
    if (archive.saving() || hardened_ == 0) return;
    for (std::size_t i = 0; i < count(); ++i) use_mask(i);
  }

 private:
  void prepare(const MethodContext& context) override {
    parameters_.clear();
    masks_.clear();
    zeros_.clear();
    hardened_ = 0;
    for (std::size_t i = 0; i < count(); ++i) {
      const sparsity::Mask grid = grid_of(i);
      zeros_.push_back(sparsity::cells_to_prune(ratio_of(i, grid.cells()), grid.cells()));
      // Different from each other, so that max and min have gradients, and near 1: the network
      // starts as it was.
      Rng rng = layer_rng(context.seed, "trainable_mask", layer(i).name);
      torch::Tensor factors = torch::empty({grid.cell_rows(), grid.cell_cols()}, torch::kFloat32);
      float* values = factors.data_ptr<float>();
      for (std::int64_t k = 0; k < factors.numel(); ++k) {
        values[k] = 1.0F - 0.01F * static_cast<float>(rng.uniform());
      }
      factors = factors.to(layer(i).weight.device()).requires_grad_(true);
      parameters_.push_back(factors);
      masks_.push_back(torch::ones_like(layer(i).weight.detach()));
    }
  }

  [[nodiscard]] sparsity::Mask grid_of(std::size_t index) const {
    const Shape shape = layer(index).weight.sizes().vec();
    return {shape, sparsity::granularity_of(layer(index).pattern, sparsity::plane_of(shape))};
  }

  /// The pattern's ratio; one cell stays.
  [[nodiscard]] double ratio_of(std::size_t index, std::int64_t cells) const {
    const auto count_of_cells = static_cast<double>(cells);
    return std::min(sparsity::nominal_sparsity(layer(index).pattern),
                    (count_of_cells - 1.0) / count_of_cells);
  }

  /// The factors per weight, in a shape that broadcasts to the weight's.
  [[nodiscard]] torch::Tensor expanded(std::size_t index, const torch::Tensor& factors) const {
    const torch::Tensor& weight = layer(index).weight;
    const sparsity::Granularity cell = grid_of(index).granularity();
    if (cell.per_tap) return factors.view(weight.sizes());
    std::vector<std::int64_t> shape(static_cast<std::size_t>(weight.dim()), 1);
    shape[0] = weight.size(0);
    shape[1] = weight.size(1);
    return factors.repeat_interleave(cell.rows, 0)
        .narrow(0, 0, weight.size(0))
        .repeat_interleave(cell.cols, 1)
        .narrow(1, 0, weight.size(1))
        .reshape(shape);
  }

  /// The wanted number of blocks with the largest factors.
  [[nodiscard]] torch::Tensor best_mask(std::size_t index) const {
    const sparsity::Mask grid = grid_of(index);
    const torch::Tensor values =
        parameters_[index].detach().to(torch::kCPU, torch::kFloat64).contiguous();
    std::vector<double> importance(values.data_ptr<double>(),
                                   values.data_ptr<double>() + values.numel());
    const bool blocks = std::holds_alternative<sparsity::BlockPattern>(layer(index).pattern);
    const sparsity::Mask mask =
        sparsity::prune_cells(grid.shape(), grid.granularity(), ratio_of(index, grid.cells()),
                              importance, blocks)
            .mask;
    return mask_tensor(mask, layer(index).weight.device());
  }

  /// The factors move into the weights, and from now on the mask is fixed.
  void harden() {
    const torch::NoGradGuard no_grad;
    hardened_ = 1;
    for (std::size_t i = 0; i < count(); ++i) {
      masks_[i] = best_mask(i);
      layer(i).weight.detach().mul_(expanded(i, parameters_[i].detach())).mul_(masks_[i]);
      use_mask(i);
      const torch::Tensor changes = masks_[i].numel() - masks_[i].count_nonzero();
      mask_changes_ = mask_changes_.defined() ? mask_changes_ + changes : changes;
    }
  }

  void use_mask(std::size_t index) {
    LayerProducts& products = products_[index];
    products.forward_weight = layer(index).weight.detach();
    products.backward_weight = products.forward_weight;
    products.weight_gradient_mask = masks_[index];
    set_densities(products, layer(index).pattern, kept_share(masks_[index]));
  }

  Options options_;
  std::int64_t hardened_ = 0;
  std::vector<torch::Tensor> masks_;
  std::vector<std::int64_t> zeros_;  // blocks to prune
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions reader(options, "trainable_mask");
  Options given;
  reader->read("penalty", given.penalty, 0, 2);
  reader->read("weight", given.weight, 0.0, 1e6);
  reader->read("alpha", given.alpha, 1e-3, 1e6);
  reader->read("beta", given.beta, 0.0, 1e6);
  reader->read("iota", given.iota, 0.0, 1e6);
  reader->read("harden", given.harden, 0.0, 1.0);
  reader.done();
  return std::make_unique<TrainableMask>(given);
}

}  // namespace

MethodKind trainable_mask_kind() noexcept {
  return {"trainable_mask",
          "learns a factor per block under a penalty, then fixes the largest",
          "Weight Block Sparsity, arXiv 2407.09453",
          make,
          accepts,
          true};
}

}  // namespace wbs::trainers
