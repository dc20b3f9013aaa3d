#include "trainers/step_bench.hpp"

#include <torch/torch.h>

#include <array>
#include <chrono>
#include <span>
#include <vector>

#include "core/rng.hpp"
#include "core/statistics.hpp"
#include "sparsity/prune.hpp"
#include "trainers/loss.hpp"
#include "trainers/optimiser.hpp"
#include "trainers/ranks.hpp"

namespace wbs::trainers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kWarmUp = 2;

torch::Tensor random_tensor(at::IntArrayRef shape, std::uint64_t seed, std::uint64_t stream) {
  torch::Tensor tensor = torch::empty(shape);
  Rng(seed, stream)
      .fill_normal({tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())}, 0.0F,
                   1.0F);
  return tensor;
}

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Times {
  double median_ms = 0.0;
  double spread = 0.0;
};

Times times_of(const std::vector<double>& samples) {
  const double middle = median(samples);
  return {middle, (quantile(samples, 0.75) - quantile(samples, 0.25)) / middle};
}

/// A network with its method and optimiser.
class Contestant {
 public:
  Contestant(const StepBench& bench, Method& method, bool sparse)
      : module_(bench.graph, bench.device), method_(&method), optimiser_({}, bench.recipe) {
    module_.load(bench.weights);
    const std::vector<SparseLayer> layers = module_.make_sparse(bench.choice);
    for (std::size_t i = 0; sparse && bench.backend && i < layers.size(); ++i) {
      module_.set_backend(i, bench.backend(layers[i], module_.product_shape_of(i)));
    }
    MethodContext context;
    context.seed = bench.seed;
    context.device = bench.device;
    context.average = [](std::span<torch::Tensor>) {};
    const torch::NoGradGuard no_grad;
    method.start(layers, context);
    optimiser_ = Optimiser(module_.parameters(), bench.recipe);
  }

  /// One step on the batch; returns its loss.
  double step(const StepBench& bench, const torch::Tensor& images, const torch::Tensor& labels,
              std::int64_t index) {
    const std::int64_t total = bench.steps + kWarmUp;
    {
      const torch::NoGradGuard no_grad;
      method_->begin_step({0, index, 1, total, total, bench.recipe.learning_rate, 0});
    }
    optimiser_.clear_gradients();
    ForwardPass pass;
    pass.training = true;
    pass.dropout = bench.recipe.dropout;
    pass.bf16 = bench.recipe.bf16;
    pass.method = method_;
    pass.seed = bench.seed;
    pass.step = index;
    const torch::Tensor logits = module_.forward(images, pass);
    torch::Tensor loss = training_loss(logits, labels, {}, images.size(0), bench.recipe);
    if (const torch::Tensor penalty = method_->penalty(); penalty.defined()) loss = loss + penalty;
    loss.backward();
    const torch::NoGradGuard no_grad;
    method_->before_update();
    optimiser_.step(bench.recipe.learning_rate);
    method_->end_step();
    return loss.item<double>();
  }

 private:
  GraphModule module_;
  Method* method_;
  Optimiser optimiser_;
};

}  // namespace

nlohmann::json measure_steps(const StepBench& bench) {
  const Shape input = bench.graph.nodes[0].output_shape;
  const Shape output = bench.graph.nodes[bench.graph.output].output_shape;
  const torch::Tensor images =
      random_tensor({bench.recipe.batch, input[1], input[2], input[3]}, bench.seed, 1)
          .to(bench.device);
  const torch::Tensor labels =
      (torch::arange(bench.recipe.batch, torch::kInt64) % output.back()).to(bench.device);
  std::vector<Contestant> contestants;
  contestants.reserve(2);
  contestants.emplace_back(bench, *bench.method, true);
  contestants.emplace_back(bench, *bench.dense, false);
  std::array<std::vector<double>, 2> samples;
  std::array<double, 2> first_loss{};
  for (std::int64_t step = 0; step < bench.steps + kWarmUp; ++step) {
    for (std::size_t turn = 0; turn < 2; ++turn) {
      const std::size_t who = (turn + static_cast<std::size_t>(step)) % 2;
      const Clock::time_point start = Clock::now();
      const double loss = contestants[who].step(bench, images, labels, step);
      if (step == 0) first_loss[who] = loss;
      if (step >= kWarmUp) samples[who].push_back(milliseconds_since(start));
    }
  }
  const Times ours = times_of(samples[0]);
  const Times dense = times_of(samples[1]);
  return {{"step_ms", ours.median_ms},
          {"dense_step_ms", dense.median_ms},
          {"speedup", dense.median_ms / ours.median_ms},
          {"spread", ours.spread},
          {"dense_spread", dense.spread},
          {"steps", bench.steps},
          {"first_loss", first_loss[0]},
          {"dense_first_loss", first_loss[1]}};
}

nlohmann::json measure_products(const LayerBench& bench, const ProductBackend& backend,
                                const ProductBackend& dense) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = random_tensor({bench.batch, bench.in, bench.size, bench.size}, 1, 1);
  Tensor values({bench.out, bench.in, bench.kernel, bench.kernel});
  Rng(1, 2).fill_normal(values.values, 0.0F, 1.0F);
  sparsity::prune(values, bench.pattern).mask.apply(values);
  const torch::Tensor weight =
      torch::from_blob(values.values.data(), {bench.out, bench.in, bench.kernel, bench.kernel});
  const torch::Tensor dy = dense.forward(x, weight);
  std::array<std::vector<double>, 2> samples;
  for (std::int64_t run = 0; run < bench.runs + 1; ++run) {
    for (std::size_t turn = 0; turn < 2; ++turn) {
      const std::size_t who = (turn + static_cast<std::size_t>(run)) % 2;
      const ProductBackend& products = who == 0 ? backend : dense;
      const Clock::time_point start = Clock::now();
      (void)products.forward(x, weight);
      (void)products.input_gradient(dy, x, weight);
      if (run > 0) samples[who].push_back(milliseconds_since(start));
    }
  }
  const double difference =
      (backend.input_gradient(dy, x, weight) - dense.input_gradient(dy, x, weight))
          .abs()
          .max()
          .item<double>();
  const double scale = dense.input_gradient(dy, x, weight).abs().max().item<double>();
  const Times ours = times_of(samples[0]);
  const Times theirs = times_of(samples[1]);
  return {{"ms", ours.median_ms},
          {"dense_ms", theirs.median_ms},
          {"speedup", theirs.median_ms / ours.median_ms},
          {"spread", ours.spread},
          {"dense_spread", theirs.spread},
          {"relative_difference", difference / scale}};
}

}  // namespace wbs::trainers
