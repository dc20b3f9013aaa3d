// How a network is trained, apart from its sparsity: optimiser, schedule, regularisation.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace wbs::trainers {

enum class OptimiserKind { sgd, adamw };
enum class ScheduleKind { constant, cosine, step, one_cycle };

/// Every member with its default; a request names those that differ.
struct Recipe {
  std::int64_t epochs = 1;
  std::int64_t batch = 128;  ///< of a step, over all ranks
  std::int64_t batches = 0;  ///< per epoch, 0: as many as the data has

  OptimiserKind optimiser = OptimiserKind::sgd;
  double learning_rate = 0.1;
  double momentum = 0.9;       ///< SGD
  bool nesterov = true;        ///< SGD
  double beta1 = 0.9;          ///< AdamW
  double beta2 = 0.999;        ///< AdamW
  double epsilon = 1e-8;       ///< AdamW
  double weight_decay = 5e-4;  ///< of conv and linear weights only, never of norms and biases

  ScheduleKind schedule = ScheduleKind::cosine;
  double warmup_epochs = 0.0;       ///< linear from 0; one_cycle: the epochs up to the peak
  double final_rate = 0.0;          ///< share of learning_rate that cosine and one_cycle end at
  std::vector<double> step_epochs;  ///< step: the epochs after which the rate falls
  double step_factor = 0.1;         ///< step: by this factor

  double label_smoothing = 0.0;
  double ema_decay = 0.0;  ///< of the moving average that is evaluated and stored; 0: none
  double dropout = 0.5;    ///< of the network's dropout nodes
  double clip_norm = 0.0;  ///< of all gradients together; 0: none
  bool bf16 = false;       ///< products and activations in bfloat16, weights and statistics fp32
  std::int64_t recalibrate_batches = 0;  ///< of new batch statistics before every evaluation

  double distill_weight = 0.0;       ///< share of the loss that compares with the teacher
  double distill_temperature = 4.0;  ///< of both softmaxes
  double divergence_loss = 1e4;      ///< a step with a larger loss ends the run as diverged
};

/// The recipe of a JSON object with these names. Problems as in Fields (fields.hpp), named
/// "recipe.NAME".
[[nodiscard]] Recipe parse_recipe(const nlohmann::json& object, std::vector<std::string>& problems);

/// Every member, for checkpoints and results; parse_recipe() reads back the same recipe.
[[nodiscard]] nlohmann::json to_json(const Recipe& recipe);

/// The learning rate of step `step` (from 0) of a run with `steps_per_epoch` steps per epoch.
///   warm-up w:  rate * (step + 1) / w
///   cosine:     final + (rate - final) * (1 + cos(pi * p)) / 2, p = share of the steps after w
///   step:       rate * factor^(epochs of step_epochs that are over)
///   one_cycle:  as cosine, but rising from rate / 25 by half a cosine during the warm-up (Smith
///   and
///               Topin, "Super-convergence", 2018)
[[nodiscard]] double learning_rate_at(const Recipe& recipe, std::int64_t step,
                                      std::int64_t steps_per_epoch) noexcept;

}  // namespace wbs::trainers
