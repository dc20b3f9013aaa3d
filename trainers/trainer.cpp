#include "trainers/trainer.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "core/error.hpp"
#include "trainers/loss.hpp"

namespace wbs::trainers {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0.0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::string_view to_string(TrainingOutcome outcome) noexcept {
  switch (outcome) {
    case TrainingOutcome::diverged:
      return "diverged";
    case TrainingOutcome::aborted:
      return "aborted";
    case TrainingOutcome::passed:
      break;
  }
  return "passed";
}

TrainingResult Trainer::run() {
  const Clock::time_point start = Clock::now();
  TrainingResult result;
  bool going = true;
  while (going && epoch_ < setup_.recipe.epochs) going = run_epoch(result);
  if (result.outcome == TrainingOutcome::passed) {
    result.evaluation = evaluate();
    result.weights = stored_.weights();
  }
  result.macs = accounting_.per_step();
  result.step_ms = 1e3 * median(step_seconds_);
  if (!step_seconds_.empty()) {
    result.wait_ms = 1e3 * waited_seconds_ / static_cast<double>(step_seconds_.size());
  }
  result.loss = last_loss_;
  result.epochs = epoch_;
  result.steps = step_;
  result.seconds = seconds_since(start);
  return result;
}

// One epoch, or the rest of one. False when the run ends here.
bool Trainer::run_epoch(TrainingResult& result) {
  if (all_finite()) {
    for (const auto* group : {&module_.parameters(), &module_.buffers()}) {
      for (const NamedTensor& tensor : *group) {
        last_finite_[tensor.key] = tensor.value.detach().clone();
      }
    }
  }
  setup_.train->start(epoch_, batch_);
  while (batch_ < steps_per_epoch_) {
    const Clock::time_point asked = Clock::now();
    const std::optional<ImageBatch> batch = setup_.train->next();
    if (!batch) {
      throw Error(ErrorKind::internal, fmt::format("the data ended at batch {} of {} of an epoch",
                                                   batch_, steps_per_epoch_));
    }
    waited_seconds_ += seconds_since(asked);
    for (const std::string& message : batch->messages) {
      tell({{"event", "message"}, {"text", message}});
    }
    const Clock::time_point begun = Clock::now();
    const Step step = train_step(*batch);
    if (step == Step::diverged) {
      diverged(result);
      return false;
    }
    step_seconds_.push_back(seconds_since(begun));
    sums_.seconds += seconds_since(asked);
    if (step == Step::stop) {
      result.outcome = TrainingOutcome::aborted;
      result.reason = fmt::format("stopped in epoch {} after {} of {} steps", epoch_ + 1, batch_,
                                  steps_per_epoch_);
      save();
      return false;
    }
  }
  end_epoch();
  return true;
}

ForwardPass Trainer::training_pass(const ImageBatch& batch) const {
  ForwardPass pass;
  pass.training = true;
  pass.dropout = setup_.recipe.dropout;
  pass.bf16 = setup_.recipe.bf16;
  pass.method = setup_.method;
  pass.ranks = setup_.ranks;
  pass.seed = setup_.seed;
  pass.step = step_;
  pass.first_image = batch.first;
  return pass;
}

torch::Tensor Trainer::loss_of_batch(const ImageBatch& batch, torch::Tensor& logits) {
  torch::Tensor taught;
  if (teacher_) {
    const torch::NoGradGuard no_grad;
    taught = teacher_->forward(batch.images, {.bf16 = setup_.recipe.bf16});
  }
  logits = module_.forward(batch.images, training_pass(batch));
  const torch::Tensor labels = batch.labels.to(module_.device());
  torch::Tensor loss = training_loss(logits, labels, taught, batch.size, setup_.recipe);
  logits = logits.detach();
  const torch::Tensor penalty = setup_.method->penalty();
  // Every rank computes the same penalty; together they count it once.
  if (penalty.defined()) loss = loss + penalty / static_cast<double>(setup_.ranks->size());
  return loss;
}

Trainer::Step Trainer::train_step(const ImageBatch& batch) {
  const Recipe& recipe = setup_.recipe;
  const double rate = learning_rate_at(recipe, step_, steps_per_epoch_);
  {
    const torch::NoGradGuard no_grad;
    setup_.method->begin_step({epoch_, step_, recipe.epochs, steps_per_epoch_,
                               recipe.epochs * steps_per_epoch_, rate, batch.first});
  }
  optimiser_.clear_gradients();
  torch::Tensor logits;
  const torch::Tensor loss = loss_of_batch(batch, logits);
  loss.backward();
  const torch::Tensor right =
      (logits.argmax(1) == batch.labels.to(logits.device())).sum().to(torch::kFloat32);
  std::array<torch::Tensor, 2> measured{loss.detach().clone(), right};
  const bool stop = sum_gradients(measured);
  {
    const torch::NoGradGuard no_grad;
    setup_.method->before_update();
  }
  const auto loss_value = measured[0].item<double>();
  const double norm = gradient_norm(trained_);
  if (!std::isfinite(loss_value) || loss_value > recipe.divergence_loss || !std::isfinite(norm)) {
    divergence_ =
        fmt::format("the loss was {} and the norm of the gradients {} in step {} (epoch {})",
                    loss_value, norm, step_ + 1, epoch_ + 1);
    return Step::diverged;
  }
  clip(norm);
  optimiser_.step(rate);
  {
    const torch::NoGradGuard no_grad;
    setup_.method->end_step();
  }
  update_average();
  accounting_.add(layers_, *setup_.method, batch.size);
  sums_.loss += loss_value;
  sums_.right += measured[1].item<double>();
  sums_.images += static_cast<double>(batch.size);
  const torch::Tensor& changes = setup_.method->mask_changes();
  if (changes.defined()) sums_.mask_changes += changes.item<double>();
  ++batch_;
  ++step_;
  return stop ? Step::stop : Step::done;
}

// Sums gradients, loss and hits over the ranks; returns whether any rank was asked to stop.
bool Trainer::sum_gradients(std::array<torch::Tensor, 2>& measured) {
  const bool asked = setup_.stop != nullptr && setup_.stop->load();
  if (setup_.ranks->size() == 1) return asked;
  std::vector<torch::Tensor> all;
  for (const NamedTensor& parameter : trained_) {
    const torch::Tensor value = parameter.value;
    // A rank without images of this batch has no gradient, but takes part.
    if (!value.grad().defined()) value.mutable_grad() = torch::zeros_like(value);
    all.push_back(value.grad());
  }
  const torch::Tensor stops = torch::full({1}, asked ? 1.0 : 0.0);
  all.insert(all.end(), {measured[0], measured[1], stops});
  sum_over(*setup_.ranks, all);
  return stops.item<double>() > 0.0;
}

void Trainer::clip(double norm) {
  if (setup_.recipe.clip_norm == 0.0 || norm <= setup_.recipe.clip_norm) return;
  const torch::NoGradGuard no_grad;
  for (const NamedTensor& parameter : trained_) {
    const torch::Tensor gradient = parameter.value.grad();
    if (gradient.defined()) gradient.mul_(setup_.recipe.clip_norm / norm);
  }
}

void Trainer::update_average() {
  if (setup_.recipe.ema_decay == 0.0) return;
  const torch::NoGradGuard no_grad;
  // The average follows faster while it is young.
  const auto count = static_cast<double>(step_);
  const double decay = std::min(setup_.recipe.ema_decay, (1.0 + count) / (10.0 + count));
  for (const auto* group : {&module_.parameters(), &module_.buffers()}) {
    for (const NamedTensor& tensor : *group) {
      torch::Tensor& average = average_[tensor.key];
      if (!average.defined()) {
        average = tensor.value.detach().clone();
      } else {
        average.mul_(decay).add_(tensor.value.detach(), 1.0 - decay);
      }
    }
  }
}

void Trainer::end_epoch() {
  const auto steps = static_cast<double>(steps_per_epoch_);
  last_loss_ = sums_.loss / steps;
  nlohmann::json event{
      {"event", "epoch"},
      {"epoch", epoch_ + 1},
      {"epochs", setup_.recipe.epochs},
      {"loss", last_loss_},
      {"train_accuracy", sums_.right / sums_.images},
      {"learning_rate", learning_rate_at(setup_.recipe, step_ - 1, steps_per_epoch_)},
      {"mask_changes_per_step", sums_.mask_changes / steps},
      {"seconds", sums_.seconds}};
  ++epoch_;
  batch_ = 0;
  sums_ = {};
  const bool last = epoch_ == setup_.recipe.epochs;
  if (!last && epoch_ % setup_.evaluate_epochs == 0) {
    const Evaluation evaluation = evaluate();
    if (evaluation.accuracy) event["accuracy"] = *evaluation.accuracy;
    event["accuracy_as_is"] = evaluation.accuracy_as_is;
    event["achieved_sparsity"] = evaluation.achieved_sparsity;
  }
  tell(event);
  if (last || epoch_ % setup_.checkpoint_epochs == 0) save();
}

Evaluation Trainer::evaluate() {
  stored_.take(module_, average_, *setup_.method);
  if (setup_.recipe.recalibrate_batches > 0) {
    stored_.recalibrate(*setup_.train, setup_.recipe.recalibrate_batches, *setup_.ranks);
  }
  return stored_.evaluate(*setup_.test, *setup_.ranks);
}

bool Trainer::all_finite() const {
  for (const auto* group : {&module_.parameters(), &module_.buffers()}) {
    for (const NamedTensor& tensor : *group) {
      if (!tensor.value.detach().isfinite().all().item<bool>()) return false;
    }
  }
  return true;
}

void Trainer::diverged(TrainingResult& result) {
  result.outcome = TrainingOutcome::diverged;
  result.reason = divergence_;
  if (!all_finite()) {
    const torch::NoGradGuard no_grad;
    for (const auto& [key, value] : last_finite_) {
      const torch::Tensor target = module_.tensor(key);
      target.copy_(value);
    }
    result.reason += "; the weights are those of the epoch's start";
  }
  result.weights = module_.weights();
}

void Trainer::tell(const nlohmann::json& event) const {
  if (setup_.on_event && setup_.ranks->rank() == 0) setup_.on_event(event);
}

}  // namespace wbs::trainers
