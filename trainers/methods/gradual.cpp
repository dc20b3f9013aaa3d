// Gradual magnitude pruning: the sparsity rises along a cubic, and the smallest magnitudes go. Zhu
// and Gupta, "To prune, or not to prune", arXiv 1710.01878, equation 1; here for blocks and
// channels as well.
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "sparsity/prune.hpp"
#include "trainers/methods/growing_masks.hpp"
#include "trainers/methods/kinds.hpp"
#include "trainers/methods/options.hpp"

namespace wbs::trainers {
namespace {

Result<void> accepts(const sparsity::Pattern& pattern) {
  return accept_growing(pattern, "gradual");
}

class Gradual final : public GrowingMasks {
 public:
  struct Schedule {
    double begin = 0.0;            ///< share of the run's steps before the first pruning
    double end = 0.75;             ///< share after which the mask is fixed
    double initial = 0.0;          ///< share of the target that is zero at `begin`
    std::int64_t every_steps = 0;  ///< between prunings; 0: 100, or less in a short run
  };

  Gradual(const Schedule& schedule, const Options& options)
      : GrowingMasks(accepts, "gradual", options), schedule_(schedule) {}

 private:
  [[nodiscard]] std::int64_t zeros_due(const StepInfo& info, std::int64_t /*cells*/,
                                       std::int64_t target) const override {
    const auto total = static_cast<double>(info.total_steps);
    const auto first = static_cast<std::int64_t>(schedule_.begin * total);
    const auto last = std::max(
        first, std::min(static_cast<std::int64_t>(schedule_.end * total), info.total_steps - 1));
    if (info.step < first) return 0;
    if (info.step >= last) return target;
    std::int64_t every = schedule_.every_steps;
    if (every == 0) every = std::clamp<std::int64_t>((last - first) / 10, 1, 100);
    const std::int64_t at = (info.step - first) / every * every;
    const double left = 1.0 - static_cast<double>(at) / static_cast<double>(last - first);
    const double share = 1.0 + (schedule_.initial - 1.0) * left * left * left;
    return sparsity::cells_to_prune(share, target);
  }

  Schedule schedule_;
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions reader(options, "gradual");
  Gradual::Schedule schedule;
  GrowingMasks::Options growing;
  std::size_t importance = 0;
  reader->read("begin", schedule.begin, 0.0, 1.0);
  reader->read("end", schedule.end, 0.0, 1.0);
  reader->read("initial", schedule.initial, 0.0, 1.0);
  reader->read("every_steps", schedule.every_steps, 0, 1'000'000'000);
  reader->read_choice("importance", importance, dataless_saliency_names());
  if (schedule.end < schedule.begin) {
    reader.problem("method gradual.end: must not lie before begin");
  }
  reader.done();
  growing.importance = static_cast<Saliency>(importance);
  return std::make_unique<Gradual>(schedule, growing);
}

}  // namespace

MethodKind gradual_kind() noexcept {
  return {"gradual",
          "lets the sparsity rise along a cubic while training; the smallest magnitudes go",
          "To prune, or not to prune, arXiv 1710.01878",
          make,
          accepts,
          true};
}

}  // namespace wbs::trainers
