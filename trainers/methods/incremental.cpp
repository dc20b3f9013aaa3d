// Incremental mask: every few epochs a further step of the least important remaining blocks is
// zeroed, until the target. Weight Block Sparsity, arXiv 2407.09453, scheme (b), with its variant
// of balance: no empty block row, at most Zc zeros per block column.
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "trainers/methods/growing_masks.hpp"
#include "trainers/methods/kinds.hpp"
#include "trainers/methods/options.hpp"

namespace wbs::trainers {
namespace {

Result<void> accepts(const sparsity::Pattern& pattern) {
  return accept_growing(pattern, "incremental");
}

class Incremental final : public GrowingMasks {
 public:
  struct Schedule {
    double every_epochs = 0.0;  ///< between steps; 0: 2, or less where the run is too short
    double step = 0.05;         ///< share of the cells that a step zeroes, at least one cell
  };

  Incremental(const Schedule& schedule, const Options& options)
      : GrowingMasks(accepts, "incremental", options), schedule_(schedule) {}

 private:
  [[nodiscard]] std::int64_t zeros_due(const StepInfo& info, std::int64_t cells,
                                       std::int64_t target) const override {
    const auto share = std::llround(schedule_.step * static_cast<double>(cells));
    const std::int64_t step = std::max<std::int64_t>(1, share);
    const std::int64_t steps = (target + step - 1) / step;
    const auto per_epoch = static_cast<double>(info.steps_per_epoch);
    double interval = schedule_.every_epochs * per_epoch;
    if (schedule_.every_epochs == 0.0) {
      // The last fifth of the run is for retraining.
      interval =
          std::min(2.0 * per_epoch, 0.8 * static_cast<double>(info.total_steps) /
                                        static_cast<double>(std::max<std::int64_t>(1, steps)));
    }
    const auto done = static_cast<std::int64_t>(static_cast<double>(info.step) / interval) + 1;
    return std::min(steps, done) * step;
  }

  Schedule schedule_;
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions reader(options, "incremental");
  Incremental::Schedule schedule;
  GrowingMasks::Options growing;
  std::size_t importance = 0;
  reader->read("every_epochs", schedule.every_epochs, 0.0, 1e6);
  reader->read("step", schedule.step, 1e-6, 1.0);
  reader->read_choice("importance", importance, dataless_saliency_names());
  reader->read("balance", growing.balance);
  reader->read("zeros_per_column", growing.zeros_per_column, 0, 1'000'000);
  if (growing.zeros_per_column > 0 && !growing.balance) {
    reader.problem("method incremental.zeros_per_column: has no effect without balance = true");
  }
  reader.done();
  growing.importance = static_cast<Saliency>(importance);
  return std::make_unique<Incremental>(schedule, growing);
}

}  // namespace

MethodKind incremental_kind() noexcept {
  return {"incremental",
          "zeroes a further step of the least important blocks every few epochs",
          "Weight Block Sparsity, arXiv 2407.09453",
          make,
          accepts,
          true};
}

}  // namespace wbs::trainers
