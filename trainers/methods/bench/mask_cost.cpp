// What each method's masks cost in a training step of one layer, against the layer's dense step
// (FF, BP and WU through LibTorch), interleaved in one process. Prints medians and spread.
//   methods_mask_cost [channels] [size] [batch] [kernel] [repetitions]
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "trainers/methods/methods.hpp"

namespace {

using namespace wbs;
using namespace wbs::trainers;

torch::Tensor normal(std::vector<std::int64_t> shape, std::uint64_t stream) {
  torch::Tensor result = torch::empty(shape);
  Rng(1, stream).fill_normal({result.data_ptr<float>(), static_cast<std::size_t>(result.numel())},
                             0.0F, 0.05F);
  return result;
}

struct Contestant {
  std::string name;
  std::function<void()> run;
  std::vector<double> milliseconds;
};

struct Layer {
  torch::Tensor x, dy, weight;
  std::int64_t padding;

  void dense_step() const {
    const torch::NoGradGuard no_grad;
    const auto y = torch::conv2d(x, weight, {}, 1, padding);
    const auto gradients =
        torch::convolution_backward(dy, x, weight, c10::nullopt, {1, 1}, {padding, padding}, {1, 1},
                                    false, {0, 0}, 1, {true, true, false});
  }
};

/// The method's own work in one step: everything but the three products.
Contestant method_work(const std::string& name, const std::string& pattern,
                       const nlohmann::json& options, const Layer& layer,
                       std::vector<std::shared_ptr<Method>>& keep) {
  const torch::Tensor weight = layer.weight.detach().clone().requires_grad_(true);
  weight.mutable_grad() = layer.weight * 0.01;
  std::shared_ptr<Method> method = find_method(methods(), name).make(options);
  method->start({{"layer", weight, value_or_throw(sparsity::parse_pattern(pattern)), 1}}, {});
  keep.push_back(method);
  StepInfo info;
  info.epochs = 10;
  info.steps_per_epoch = 1000;
  info.total_steps = 10000;
  const torch::Tensor dy = layer.dy;
  return {name + " " + pattern + (options.is_null() ? "" : " " + options.dump()),
          [method, info, weight, dy]() mutable {
            const torch::NoGradGuard no_grad;
            method->begin_step(info);
            const LayerProducts& products = method->products(0);
            if (products.prune_output_gradient) products.prune_output_gradient(dy);
            if (products.weight_gradient_mask.defined()) {
              weight.mutable_grad().mul_(products.weight_gradient_mask);
            }
            method->before_update();
            method->end_step();
            ++info.step;
          },
          {}};
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int place, std::int64_t otherwise) {
    return argc > place ? std::strtoll(argv[place], nullptr, 10) : otherwise;
  };
  const std::int64_t channels = argument(1, 256);
  const std::int64_t size = argument(2, 14);
  const std::int64_t batch = argument(3, 64);
  const std::int64_t kernel = argument(4, 3);
  const std::int64_t repetitions = argument(5, 15);
  torch::set_num_threads(1);
  const Layer layer{normal({batch, channels, size, size}, 1),
                    normal({batch, channels, size, size}, 2),
                    normal({channels, channels, kernel, kernel}, 3), kernel / 2};
  std::vector<std::shared_ptr<Method>> keep;
  std::vector<Contestant> contestants;
  contestants.push_back({"dense step", [&] { layer.dense_step(); }, {}});
  contestants.push_back(method_work("one_time", "block:8x8@0.5", nullptr, layer, keep));
  contestants.push_back(method_work("sr_ste", "nm:2:4/in", nullptr, layer, keep));
  contestants.push_back(method_work("sr_ste", "nm:2:8/in", nullptr, layer, keep));
  contestants.push_back(method_work("bdwp", "nm:2:8/in", nullptr, layer, keep));
  contestants.push_back(method_work("bdwp", "nm:2:16/in", nullptr, layer, keep));
  contestants.push_back(method_work("sdwp", "nm:2:8/in", nullptr, layer, keep));
  for (const std::string choice : {"magnitude", "rescaled", "random"}) {
    contestants.push_back(method_work("sdgp", "nm:2:8/in", {{"choice", choice}}, layer, keep));
  }
  contestants.push_back(method_work("bi_mask", "nm:2:8/in", nullptr, layer, keep));
  contestants.push_back(
      method_work("transposable", "nm:2:8/in", {{"refresh_steps", 40}}, layer, keep));
  for (std::int64_t repetition = 0; repetition < repetitions; ++repetition) {
    for (Contestant& contestant : contestants) {
      const auto start = std::chrono::steady_clock::now();
      contestant.run();
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - start;
      contestant.milliseconds.push_back(took.count());
    }
  }
  const double dense = percentile(contestants.front().milliseconds, 0.5);
  fmt::print("layer {0}->{0} {1}x{1} at {2}x{2}, batch {3}, one thread, n = {4}\n", channels,
             kernel, size, batch, repetitions);
  for (const Contestant& contestant : contestants) {
    const double median = percentile(contestant.milliseconds, 0.5);
    fmt::print(
        "{:50} {:9.3f} ms  [{:.3f}, {:.3f}]  mean {:.3f}  {:6.2f}% of the dense step\n",
        contestant.name, median, percentile(contestant.milliseconds, 0.1),
        percentile(contestant.milliseconds, 0.9),
        std::accumulate(contestant.milliseconds.begin(), contestant.milliseconds.end(), 0.0) /
            static_cast<double>(repetitions),
        100.0 * median / dense);
  }
  return 0;
}
