#include "trainers/loss.hpp"

#include <torch/torch.h>

namespace wbs::trainers {

torch::Tensor training_loss(const torch::Tensor& logits, const torch::Tensor& labels,
                            const torch::Tensor& teacher, std::int64_t images,
                            const Recipe& recipe) {
  const auto count = static_cast<double>(images);
  torch::Tensor hard = at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum,
                                              /*ignore_index=*/-100, recipe.label_smoothing) /
                       count;
  if (!teacher.defined() || recipe.distill_weight == 0.0) return hard;
  const double temperature = recipe.distill_temperature;
  const torch::Tensor wanted = at::log_softmax(teacher.detach() / temperature, 1);
  const torch::Tensor found = at::log_softmax(logits / temperature, 1);
  const torch::Tensor soft = at::kl_div(found, wanted, at::Reduction::Sum, /*log_target=*/true) *
                             (temperature * temperature / count);
  return hard * (1.0 - recipe.distill_weight) + soft * recipe.distill_weight;
}

}  // namespace wbs::trainers
