// Transposable masks: one N:M mask that holds for the weights and for their transpose, so that FF
// and BP both run N:M. Hubara et al., "Accelerated Sparse Neural Training: A Provable and Efficient
// Method to Find N:M Transposable Masks", arXiv 2102.08124. The mask is found again every few steps
// from dense master weights, as there for training from scratch (how often, and the decay, are
// ours: those of SR-STE), or once, as there for trained models (refresh_steps = 0).
#include <fmt/format.h>
#include <torch/torch.h>

#include "core/error.hpp"
#include "trainers/methods/kinds.hpp"
#include "trainers/methods/masks.hpp"
#include "trainers/methods/nm_search.hpp"
#include "trainers/methods/options.hpp"
#include "trainers/methods/transposable_search.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

Result<void> accepts(const sparsity::Pattern& pattern) {
  return accept_nm(pattern, "transposable");
}

struct Options {
  std::int64_t refresh_steps = 40;
  double decay = 2e-4;
  bool exact = false;
};

class Transposable final : public LayerMethod {
 public:
  explicit Transposable(const Options& options) : LayerMethod(accepts), options_(options) {}

  void begin_step(const StepInfo& info) override {
    const torch::NoGradGuard no_grad;
    mask_changes_.reset();
    if (options_.refresh_steps > 0 && info.step % options_.refresh_steps == 0) search_all();
    for (std::size_t i = 0; i < count(); ++i) {
      torch::mul_out(values_[i], layer(i).weight.detach(), masks_[i]);
    }
  }

  void before_update() override {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < count(); ++i) {
      const torch::Tensor gradient = layer(i).weight.grad();
      if (options_.decay == 0.0 || !gradient.defined()) continue;
      add_decay(gradient, layer(i).weight.detach(), values_[i], options_.decay);
    }
  }

  [[nodiscard]] torch::Tensor final_mask(std::size_t index,
                                         const torch::Tensor& /*weight*/) override {
    return masks_.at(index);
  }

  void exchange(StateArchive& archive) override {
    for (std::size_t i = 0; i < count(); ++i) {
      archive.tensor("mask." + layer(i).name, masks_[i]);
      if (!archive.saving()) use_mask(i);
    }
  }

 private:
  void prepare(const MethodContext& /*context*/) override {
    masks_.assign(count(), {});
    values_.clear();
    for (std::size_t i = 0; i < count(); ++i) {
      const sparsity::NmPattern& pattern = nm(i);
      if (options_.exact && pattern.group > kLargestExactGroup) {
        throw Error(
            ErrorKind::unsupported,
            fmt::format("method transposable: search exact tries all masks of a tile, which "
                        "groups of {} have too many of; expected M up to {} or search "
                        "greedy",
                        pattern.group, kLargestExactGroup));
      }
      masks_[i] = torch::ones_like(layer(i).weight.detach());
      values_.push_back(torch::empty_like(masks_[i]));
    }
    search_all();
    mask_changes_.reset();
  }

  void search_all() {
    for (std::size_t i = 0; i < count(); ++i) {
      const Tensor weight = from_torch(layer(i).weight);
      const sparsity::NmPattern& pattern = nm(i);
      const torch::Tensor found =
          mask_tensor(options_.exact ? transposable_exact(weight, pattern.kept, pattern.group)
                                     : transposable_greedy(weight, pattern.kept, pattern.group),
                      layer(i).weight.device());
      const torch::Tensor changes = found.ne(masks_[i]).sum();
      mask_changes_ = mask_changes_.defined() ? mask_changes_ + changes : changes;
      masks_[i].copy_(found);
      use_mask(i);
    }
  }

  void use_mask(std::size_t index) {
    torch::mul_out(values_[index], layer(index).weight.detach(), masks_[index]);
    LayerProducts& products = products_[index];
    products.forward_weight = values_[index];
    products.backward_weight = values_[index];
    products.ff_density = kept_share(masks_[index]);
    products.bp_density = products.ff_density;
  }

  Options options_;
  std::vector<torch::Tensor> masks_;
  std::vector<torch::Tensor> values_;  // weight * mask
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions reader(options, "transposable");
  Options given;
  std::size_t search = 0;
  reader->read("refresh_steps", given.refresh_steps, 0, 1'000'000'000);
  reader->read("decay", given.decay, 0.0, 1.0);
  reader->read_choice("search", search, {"greedy", "exact"});
  reader.done();
  given.exact = search == 1;
  return std::make_unique<Transposable>(given);
}

}  // namespace

MethodKind transposable_kind() noexcept {
  return {"transposable",
          "one N:M mask for the weights and their transpose, found anew every few steps",
          "Transposable masks, arXiv 2102.08124",
          make,
          accepts,
          true};
}

}  // namespace wbs::trainers
