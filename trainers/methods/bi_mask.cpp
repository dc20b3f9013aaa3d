// Bi-Mask: FF multiplies the N largest of every M weights along input channels; BP multiplies those
// of FF's weights that are also among the N largest of every M along output channels, after a
// permutation of the output channels ("rows") that keeps as many of them as possible. Zhang et al.,
// "Bi-directional Masks for Efficient N:M Sparse Training", arXiv 2302.06058: the best of 100
// random permutations (here the identity is one of them), drawn again every 100 steps; decay of
// SR-STE.
#include <torch/torch.h>

#include <numeric>

#include "trainers/methods/kinds.hpp"
#include "trainers/methods/options.hpp"
#include "trainers/methods/stepwise_nm.hpp"

namespace wbs::trainers {
namespace {

constexpr sparsity::Axis kStored = sparsity::Axis::in;

Result<void> accepts(const sparsity::Pattern& pattern) {
  return accept_nm(pattern, "bi_mask", &kStored);
}

struct Options {
  std::int64_t permutations = 100;
  std::int64_t every_steps = 100;
  double decay = 2e-4;
};

class BiMask final : public LayerMethod {
 public:
  explicit BiMask(const Options& options) : LayerMethod(accepts), options_(options) {}

  void begin_step(const StepInfo& info) override {
    const torch::NoGradGuard no_grad;
    mask_changes_.reset();
    for (std::size_t i = 0; i < count(); ++i) {
      const torch::Tensor changes =
          forward_[i].refresh(layer(i).weight, groups_along(nm(i), kStored));
      mask_changes_ = mask_changes_.defined() ? mask_changes_ + changes : changes;
      if (info.step % options_.every_steps == 0) permute(i, info.step);
      refresh_backward(i);
    }
  }

  void before_update() override {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < count(); ++i) {
      const torch::Tensor gradient = layer(i).weight.grad();
      if (options_.decay == 0.0 || !gradient.defined()) continue;
      add_decay(gradient, layer(i).weight.detach(), forward_[i].values, options_.decay);
    }
  }

  [[nodiscard]] torch::Tensor final_mask(std::size_t index, const torch::Tensor& weight) override {
    NmWeights pruned;
    static_cast<void>(pruned.refresh(weight.contiguous(), groups_along(nm(index), kStored)));
    return pruned.mask.to(weight.scalar_type());
  }

  void exchange(StateArchive& archive) override {
    for (std::size_t i = 0; i < count(); ++i) {
      archive.tensor("forward." + layer(i).name, forward_[i].mask);
      torch::Tensor order = order_[i].to(torch::kFloat32);
      archive.tensor("order." + layer(i).name, order);
      if (!archive.saving()) use_order(i, order.to(order_[i].device(), torch::kInt64));
    }
  }

 private:
  void prepare(const MethodContext& context) override {
    seed_ = context.seed;
    forward_.assign(count(), {});
    permuted_.assign(count(), {});
    backward_.clear();
    order_.assign(count(), {});
    inverse_.assign(count(), {});
    for (std::size_t i = 0; i < count(); ++i) {
      const torch::Tensor weight = layer(i).weight.detach();
      static_cast<void>(forward_[i].refresh(weight, groups_along(nm(i), kStored)));
      backward_.push_back(torch::empty_like(weight));
      use_order(i, torch::arange(weight.size(0), weight.options().dtype(torch::kInt64)));
      refresh_backward(i);
      LayerProducts& products = products_[i];
      products.forward_weight = forward_[i].values;
      products.backward_weight = backward_[i];
      products.ff_density = kept_share(weight.size(1), nm(i).kept, nm(i).group);
      products.bp_density = kept_share(weight.size(0), nm(i).kept, nm(i).group);
    }
  }

  void use_order(std::size_t index, torch::Tensor order) {
    order_[index] = std::move(order);
    inverse_[index] = order_[index].argsort();
  }

  /// permuted_: FF's weights in the order of channels, pruned along them.
  void prune_in_order(std::size_t index, const torch::Tensor& order) {
    const torch::Tensor rows = forward_[index].values.index_select(0, order);
    static_cast<void>(permuted_[index].refresh(rows, groups_along(nm(index), sparsity::Axis::out)));
  }

  void refresh_backward(std::size_t index) {
    prune_in_order(index, order_[index]);
    torch::index_select_out(backward_[index], permuted_[index].values, 0, inverse_[index]);
  }

  void permute(std::size_t index, std::int64_t step) {
    Rng rng = layer_rng(seed_, "bi_mask", layer(index).name, step);
    std::vector<std::int64_t> channels(static_cast<std::size_t>(layer(index).weight.size(0)));
    std::iota(channels.begin(), channels.end(), std::int64_t{0});
    std::int64_t most = -1;
    torch::Tensor best;
    for (std::int64_t candidate = 0; candidate < options_.permutations; ++candidate) {
      if (candidate > 0) rng.shuffle(std::span<std::int64_t>(channels));
      const torch::Tensor order =
          torch::tensor(channels, torch::kInt64).to(layer(index).weight.device());
      prune_in_order(index, order);
      const auto survivors = permuted_[index].values.count_nonzero().item<std::int64_t>();
      if (survivors > most) {
        most = survivors;
        best = order;
      }
    }
    use_order(index, best);
  }

  Options options_;
  std::uint64_t seed_ = 0;
  std::vector<NmWeights> forward_;
  std::vector<NmWeights> permuted_;
  std::vector<torch::Tensor> backward_;
  std::vector<torch::Tensor> order_;    // order_[k]: the channel at place k
  std::vector<torch::Tensor> inverse_;  // inverse_[c]: the place of channel c
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions reader(options, "bi_mask");
  Options given;
  reader->read("permutations", given.permutations, 1, 1'000'000);
  reader->read("every_steps", given.every_steps, 1, 1'000'000'000);
  reader->read("decay", given.decay, 0.0, 1.0);
  reader.done();
  return std::make_unique<BiMask>(given);
}

}  // namespace

MethodKind bi_mask_kind() noexcept {
  return {"bi_mask",
          "as sr_ste in FF; BP prunes those weights along permuted output channels as well",
          "Bi-Mask, arXiv 2302.06058",
          make,
          accepts,
          true};
}

}  // namespace wbs::trainers
