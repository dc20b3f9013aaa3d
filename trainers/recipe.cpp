#include "trainers/recipe.hpp"

#include <cmath>
#include <numbers>

#include "trainers/fields.hpp"

namespace wbs::trainers {
namespace {

constexpr double kOneCycleStart = 1.0 / 25.0;

const std::vector<std::string>& optimiser_names() {
  static const std::vector<std::string> names{"sgd", "adamw"};
  return names;
}

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names{"constant", "cosine", "step", "one_cycle"};
  return names;
}

/// From 1 at 0 to 0 at 1.
double half_cosine(double share) {
  return 0.5 * (1.0 + std::cos(std::numbers::pi * share));
}

}  // namespace

Recipe parse_recipe(const nlohmann::json& object, std::vector<std::string>& problems) {
  Recipe recipe;
  Fields fields(object, "recipe", problems);
  fields.read("epochs", recipe.epochs, 1, 100'000);
  fields.read("batch", recipe.batch, 1, 1 << 20);
  fields.read("batches", recipe.batches, 0, std::int64_t{1} << 32);
  auto optimiser = static_cast<std::size_t>(recipe.optimiser);
  fields.read_choice("optimiser", optimiser, optimiser_names());
  recipe.optimiser = static_cast<OptimiserKind>(optimiser);
  fields.read("learning_rate", recipe.learning_rate, 0.0, 1e6);
  fields.read("momentum", recipe.momentum, 0.0, 1.0);
  fields.read("nesterov", recipe.nesterov);
  fields.read("beta1", recipe.beta1, 0.0, 0.9999999);
  fields.read("beta2", recipe.beta2, 0.0, 0.9999999);
  fields.read("epsilon", recipe.epsilon, 1e-30, 1.0);
  fields.read("weight_decay", recipe.weight_decay, 0.0, 10.0);
  auto schedule = static_cast<std::size_t>(recipe.schedule);
  fields.read_choice("schedule", schedule, schedule_names());
  recipe.schedule = static_cast<ScheduleKind>(schedule);
  fields.read("warmup_epochs", recipe.warmup_epochs, 0.0, 1e5);
  fields.read("final_rate", recipe.final_rate, 0.0, 1.0);
  fields.read("step_epochs", recipe.step_epochs, 0.0, 1e5);
  fields.read("step_factor", recipe.step_factor, 1e-6, 1.0);
  fields.read("label_smoothing", recipe.label_smoothing, 0.0, 0.999);
  fields.read("ema_decay", recipe.ema_decay, 0.0, 0.9999999);
  fields.read("dropout", recipe.dropout, 0.0, 0.99);
  fields.read("clip_norm", recipe.clip_norm, 0.0, 1e12);
  fields.read("bf16", recipe.bf16);
  fields.read("recalibrate_batches", recipe.recalibrate_batches, 0, 1 << 20);
  fields.read("distill_weight", recipe.distill_weight, 0.0, 1.0);
  fields.read("distill_temperature", recipe.distill_temperature, 0.01, 1000.0);
  fields.read("divergence_loss", recipe.divergence_loss, 0.0, 1e30);
  fields.finish();
  if (recipe.warmup_epochs > static_cast<double>(recipe.epochs)) {
    problems.emplace_back("recipe.warmup_epochs: is longer than recipe.epochs");
  }
  return recipe;
}

nlohmann::json to_json(const Recipe& recipe) {
  return {{"epochs", recipe.epochs},
          {"batch", recipe.batch},
          {"batches", recipe.batches},
          {"optimiser", optimiser_names().at(static_cast<std::size_t>(recipe.optimiser))},
          {"learning_rate", recipe.learning_rate},
          {"momentum", recipe.momentum},
          {"nesterov", recipe.nesterov},
          {"beta1", recipe.beta1},
          {"beta2", recipe.beta2},
          {"epsilon", recipe.epsilon},
          {"weight_decay", recipe.weight_decay},
          {"schedule", schedule_names().at(static_cast<std::size_t>(recipe.schedule))},
          {"warmup_epochs", recipe.warmup_epochs},
          {"final_rate", recipe.final_rate},
          {"step_epochs", recipe.step_epochs},
          {"step_factor", recipe.step_factor},
          {"label_smoothing", recipe.label_smoothing},
          {"ema_decay", recipe.ema_decay},
          {"dropout", recipe.dropout},
          {"clip_norm", recipe.clip_norm},
          {"bf16", recipe.bf16},
          {"recalibrate_batches", recipe.recalibrate_batches},
          {"distill_weight", recipe.distill_weight},
          {"distill_temperature", recipe.distill_temperature},
          {"divergence_loss", recipe.divergence_loss}};
}

double learning_rate_at(const Recipe& recipe, std::int64_t step,
                        std::int64_t steps_per_epoch) noexcept {
  const auto per_epoch = static_cast<double>(steps_per_epoch);
  const auto done = static_cast<double>(step);
  const double warmup = std::floor(recipe.warmup_epochs * per_epoch);
  const double rate = recipe.learning_rate;
  if (done < warmup) {
    const double share =
        recipe.schedule == ScheduleKind::one_cycle
            ? kOneCycleStart + (1.0 - kOneCycleStart) * (1.0 - half_cosine(done / warmup))
            : (done + 1.0) / warmup;
    return rate * share;
  }
  switch (recipe.schedule) {
    case ScheduleKind::constant:
      break;
    case ScheduleKind::cosine:
    case ScheduleKind::one_cycle: {
      const double total = static_cast<double>(recipe.epochs) * per_epoch;
      const double share = (done - warmup) / std::fmax(1.0, total - warmup);
      return rate * (recipe.final_rate + (1.0 - recipe.final_rate) * half_cosine(share));
    }
    case ScheduleKind::step: {
      double falls = 0.0;
      for (const double epoch : recipe.step_epochs) falls += done >= epoch * per_epoch ? 1.0 : 0.0;
      return rate * std::pow(recipe.step_factor, falls);
    }
  }
  return rate;
}

}  // namespace wbs::trainers
