// Channel pruning: the output channels with the smallest norms are zeroed once, then the model is
// trained on. Li et al., "Pruning Filters for Efficient ConvNets", arXiv 1608.08710 (L1 norm).
#include <fmt/format.h>
#include <torch/torch.h>

#include "sparsity/prune.hpp"
#include "trainers/methods/kinds.hpp"
#include "trainers/methods/masks.hpp"
#include "trainers/methods/options.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

Result<void> accepts(const sparsity::Pattern& pattern) {
  if (std::holds_alternative<sparsity::ChannelPattern>(pattern)) return {};
  return refusal(
      fmt::format("method channel zeroes whole output channels, which is not pattern {}; expected "
                  "channel@RATIO",
                  sparsity::to_string(pattern)));
}

class Channel final : public FixedMaskMethod {
 public:
  explicit Channel(sparsity::Importance norm) : FixedMaskMethod(accepts), norm_(norm) {}

 private:
  std::vector<sparsity::Mask> choose(const MethodContext& /*context*/) override {
    sparsity::PruneOptions options;
    options.importance = norm_;
    std::vector<sparsity::Mask> masks;
    for (std::size_t i = 0; i < count(); ++i) {
      masks.push_back(sparsity::prune(from_torch(layer(i).weight), layer(i).pattern, options).mask);
    }
    return masks;
  }

  sparsity::Importance norm_;
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions reader(options, "channel");
  std::size_t norm = 0;
  reader->read_choice("norm", norm, {"l1", "l2"});
  reader.done();
  return std::make_unique<Channel>(norm == 0 ? sparsity::Importance::l1 : sparsity::Importance::l2);
}

}  // namespace

MethodKind channel_kind() noexcept {
  return {"channel",
          "prunes the output channels with the smallest norms once, then trains on",
          "Pruning Filters for Efficient ConvNets, arXiv 1608.08710",
          make,
          accepts,
          true};
}

}  // namespace wbs::trainers
