// How a run begins: from its setup, and from a checkpoint.
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "networks/text_form.hpp"
#include "trainers/loss.hpp"
#include "trainers/trainer.hpp"

namespace wbs::trainers {
namespace {

using Tensors = std::map<std::string, torch::Tensor>;

/// Copies the values of `tensors` over those of `targets`. Throws when one is missing.
void copy_values(const Tensors& tensors, const std::vector<NamedTensor>& targets) {
  const torch::NoGradGuard no_grad;
  for (const NamedTensor& target : targets) {
    const auto found = tensors.find(target.key);
    if (found == tensors.end() || found->second.sizes() != target.value.sizes()) {
      throw Error(ErrorKind::input,
                  fmt::format("the checkpoint has no tensor '{}' of the right shape", target.key));
    }
    const torch::Tensor value = target.value;
    value.copy_(found->second);
  }
}

GraphModule loaded(const networks::Graph& graph, const networks::Weights& weights,
                   torch::Device device) {
  GraphModule module(graph, device);
  module.load(weights);
  return module;
}

}  // namespace

Trainer::Trainer(TrainingSetup setup)
    : setup_(std::move(setup)),
      module_(loaded(setup_.graph, setup_.weights, setup_.device)),
      layers_(module_.make_sparse(setup_.choice)),
      optimiser_({}, setup_.recipe),
      stored_(module_, layers_, setup_.prunes_weights),
      weights_digest_(digest_of(setup_.weights)) {
  if (setup_.recipe.distill_weight > 0.0) {
    if (!setup_.teacher) {
      throw Error(ErrorKind::usage, "recipe.distill_weight needs a teacher's weights");
    }
    teacher_.emplace(loaded(setup_.graph, *setup_.teacher, setup_.device));
    teacher_digest_ = digest_of(*setup_.teacher);
  }
  for (std::size_t i = 0; setup_.backend && i < layers_.size(); ++i) {
    module_.set_backend(i, setup_.backend(layers_[i], module_.product_shape_of(i)));
  }
  steps_per_epoch_ = setup_.train->batches();
  if (setup_.recipe.batches > 0) {
    steps_per_epoch_ = std::min(steps_per_epoch_, setup_.recipe.batches);
  }
  if (steps_per_epoch_ < 1) {
    throw Error(ErrorKind::usage, fmt::format("recipe.batch: {} is more than the data has images",
                                              setup_.recipe.batch));
  }
  // The order that methods count on: weights, start, then their own state.
  std::optional<Checkpoint> checkpoint;
  if (!setup_.checkpoint.empty()) checkpoint = read_checkpoint(setup_.checkpoint, identity());
  if (checkpoint) {
    copy_values(checkpoint->weights, module_.parameters());
    copy_values(checkpoint->weights, module_.buffers());
  }
  start_method(checkpoint.has_value());
  trained_ = module_.parameters();
  for (std::size_t i = 0; i < setup_.method->parameters().size(); ++i) {
    trained_.push_back({fmt::format("method/{}", i), setup_.method->parameters()[i], false});
  }
  optimiser_ = Optimiser(trained_, setup_.recipe);
  if (checkpoint) resume(*checkpoint);
}

void Trainer::start_method(bool resuming) {
  MethodContext context;
  context.resuming = resuming;
  context.seed = setup_.seed;
  context.device = setup_.device;
  context.batches = steps_per_epoch_;
  context.loss_of = [this](std::int64_t index) {
    setup_.train->start(0, index);
    const std::optional<ImageBatch> batch = setup_.train->next();
    if (!batch) {
      throw Error(ErrorKind::internal, fmt::format("there is no calibration batch {}", index));
    }
    const torch::AutoGradMode with_gradients(true);
    const torch::Tensor logits = module_.forward(batch->images, {});
    return training_loss(logits, batch->labels.to(setup_.device), {}, batch->size, setup_.recipe) *
           static_cast<double>(setup_.ranks->size());
  };
  context.average = [this](std::span<torch::Tensor> tensors) {
    sum_over(*setup_.ranks, tensors);
    const torch::NoGradGuard no_grad;
    for (const torch::Tensor& tensor : tensors) {
      if (tensor.defined()) tensor.div_(static_cast<double>(setup_.ranks->size()));
    }
  };
  const torch::NoGradGuard no_grad;
  setup_.method->start(layers_, context);
}

nlohmann::json Trainer::identity() const {
  return {{"network", setup_.graph.name},
          {"graph", wbs::digest_of(networks::print_graph(setup_.graph))},
          {"pattern", sparsity::to_string(setup_.choice.pattern)},
          {"linear", setup_.choice.linear},
          {"dense_last", setup_.choice.dense_last},
          {"method", setup_.method_name},
          {"method_options", setup_.method_options.dump()},
          {"recipe", to_json(setup_.recipe)},
          {"seed", setup_.seed},
          {"data", setup_.train->identity()},
          {"start_weights", weights_digest_},
          {"teacher_weights", teacher_digest_}};
}

void Trainer::save() {
  if (setup_.checkpoint.empty() || setup_.ranks->rank() != 0) return;
  Checkpoint checkpoint;
  checkpoint.identity = identity();
  const ProductMacs& macs = accounting_.sums();
  checkpoint.position = {{"epoch", epoch_},
                         {"batch", batch_},
                         {"step", step_},
                         {"optimiser_steps", optimiser_.steps()},
                         {"last_loss", last_loss_},
                         {"loss", sums_.loss},
                         {"right", sums_.right},
                         {"images", sums_.images},
                         {"mask_changes", sums_.mask_changes},
                         {"seconds", sums_.seconds},
                         {"macs", {macs.dense, macs.ff, macs.bp, macs.wu}},
                         {"macs_steps", accounting_.steps()}};
  for (const NamedTensor& tensor : trained_) checkpoint.weights[tensor.key] = tensor.value;
  for (const NamedTensor& tensor : module_.buffers()) {
    checkpoint.weights[tensor.key] = tensor.value;
  }
  checkpoint.average = average_;
  checkpoint.optimiser = optimiser_.state();
  StateArchive archive;
  setup_.method->exchange(archive);
  checkpoint.method = archive.tensors();
  checkpoint.method_numbers = archive.numbers();
  write_checkpoint(setup_.checkpoint, checkpoint);
  tell({{"event", "checkpoint"}, {"path", setup_.checkpoint}, {"step", step_}});
}

void Trainer::resume(const Checkpoint& checkpoint) {
  try {
    const nlohmann::json& position = checkpoint.position;
    epoch_ = position.at("epoch");
    batch_ = position.at("batch");
    step_ = position.at("step");
    last_loss_ = position.at("last_loss");
    sums_ = {position.at("loss"), position.at("right"), position.at("images"),
             position.at("mask_changes"), position.at("seconds")};
    const auto macs = position.at("macs").get<std::array<double, 4>>();
    accounting_.restore({macs[0], macs[1], macs[2], macs[3]}, position.at("macs_steps"));
    optimiser_.restore(checkpoint.optimiser, position.at("optimiser_steps"));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::input,
                fmt::format("'{}' is no whole checkpoint: {}", setup_.checkpoint, error.what()));
  }
  copy_values(checkpoint.weights, trained_);
  for (const auto& [key, value] : checkpoint.average) average_[key] = value.to(setup_.device);
  Tensors method;
  for (const auto& [name, tensor] : checkpoint.method) {
    method[name] = tensor.defined() ? tensor.to(setup_.device) : tensor;
  }
  StateArchive archive(std::move(method), checkpoint.method_numbers);
  setup_.method->exchange(archive);
  tell({{"event", "resumed"}, {"path", setup_.checkpoint}, {"epoch", epoch_}, {"step", step_}});
}

}  // namespace wbs::trainers
