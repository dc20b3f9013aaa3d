#include "trainers/graph_module.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/rng.hpp"
#include "networks/initialise.hpp"
#include "networks/interpreter.hpp"
#include "networks/text_form.hpp"
#include "networks/zoo.hpp"
#include "trainers/batch_norm.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

using networks::Graph;

/// Seeded weights whose batch statistics, scales and biases are not the trivial ones.
networks::Weights lively_weights(const Graph& graph) {
  networks::Weights weights = networks::initialise(graph, 7);
  for (auto& [key, tensor] : weights) {
    Rng rng(11, stream_of(key.data(), key.size()));
    const bool centred = key.ends_with("/mean") || key.ends_with("/bias");
    if (!centred && !key.ends_with("/variance") && !key.ends_with("/scale")) continue;
    for (float& value : tensor.values) {
      value = static_cast<float>(centred ? 0.4 * rng.uniform() - 0.2 : 0.6 + 0.8 * rng.uniform());
    }
  }
  return weights;
}

Tensor random_images(const Graph& graph, std::int64_t batch) {
  Shape shape = graph.nodes[0].attributes.shape;
  shape[0] = batch;
  Tensor images(shape);
  Rng(3).fill_normal(images.values, 0.0F, 1.0F);
  return images;
}

void expect_like_interpreter(const Graph& graph, double tolerance = 2e-4) {
  const networks::Weights weights = lively_weights(graph);
  const Tensor images = random_images(graph, 2);
  GraphModule module(graph, torch::kCPU);
  module.load(weights);
  const torch::NoGradGuard no_grad;
  const torch::Tensor logits = module.forward(to_torch(images), {});
  const torch::Tensor expected =
      to_torch(networks::interpret(graph, weights, images)).reshape(logits.sizes());
  const double scale = expected.abs().max().item<double>();
  EXPECT_GT(scale, 0.0) << graph.name;
  EXPECT_LE((logits - expected).abs().max().item<double>(), tolerance * scale) << graph.name;
  EXPECT_EQ(module.weights().size(), weights.size());
  for (const auto& [key, tensor] : module.weights()) {
    EXPECT_EQ(tensor.values, weights.at(key).values) << key;
  }
}

TEST(GraphModule, EqualsTheInterpreterOnNetworksOfTheZoo) {
  using Image = std::array<std::int64_t, 3>;
  expect_like_interpreter(networks::build_network("resnet20", {.input = Image{3, 16, 16}}));
  expect_like_interpreter(networks::build_network("resnet9", {.input = Image{3, 32, 32}}));
  expect_like_interpreter(networks::build_network("mlp"));
  expect_like_interpreter(networks::build_network("squeezenet1_1", {.input = Image{3, 64, 64}}));
  expect_like_interpreter(networks::build_network("mobilenet_v2", {.input = Image{3, 32, 32}}));
  expect_like_interpreter(networks::build_network("resnet18", {.input = Image{3, 32, 32}}));
}

Graph parsed(const std::string& text) {
  return value_or_throw(networks::parse_graph(text));
}

TEST(GraphModule, EqualsTheInterpreterOnUnevenPaddingAndPools) {
  expect_like_interpreter(parsed(R"(network uneven
input = input() shape=1,3,9,9
conv = conv(input) kernel=3x3 stride=2x2 padding=0,0,1,1 weight:4x3x3x3 bias:4
max = max_pool(conv) kernel=3x3 stride=1x1 padding=0,1,1,0
avg = avg_pool(max) kernel=3x3 stride=1x1 padding=1,0,0,1
avg_all = avg_pool(max) kernel=3x3 stride=1x1 padding=1,0,0,1 count_include_pad=true
both = concat(avg, avg_all) axis=1
tanh = tanh(both)
padded = pad(tanh) pads=0,0,1,0,0,0,0,2
part = slice(padded) axis=2 begin=1 end=4 step=2
flat = flatten(part) axis=1
output flat
)"));
}

TEST(GraphModule, NormalisesWithBatchStatisticsWhileTraining) {
  GraphModule module(networks::build_network("resnet20", {.input = {{3, 8, 8}}}), torch::kCPU);
  module.load(networks::initialise(module.graph(), 1));
  const torch::Tensor images = to_torch(random_images(module.graph(), 4));
  const torch::Tensor before = module.buffers()[0].value.clone();
  const torch::Tensor loss = module.forward(images, {.training = true}).square().mean();
  loss.backward();
  EXPECT_FALSE(torch::equal(before, module.buffers()[0].value));
  for (const NamedTensor& parameter : module.parameters()) {
    ASSERT_TRUE(parameter.value.grad().defined()) << parameter.key;
    EXPECT_TRUE(parameter.value.grad().isfinite().all().item<bool>()) << parameter.key;
  }
}

TEST(GraphModule, DropsTheSameElementsHoweverTheBatchIsSplit) {
  const std::string text = R"(network dropping
input = input() shape=1,8
drop = dropout(input)
output drop
)";
  GraphModule module(parsed(text), torch::kCPU);
  const torch::Tensor images = torch::ones({6, 8});
  ForwardPass pass{.training = true, .dropout = 0.5, .seed = 5, .step = 3};
  const torch::Tensor whole = module.forward(images, pass);
  pass.first_image = 2;
  const torch::Tensor part = module.forward(images.narrow(0, 2, 4), pass);
  EXPECT_TRUE(torch::equal(whole.narrow(0, 2, 4), part));
  EXPECT_TRUE(((whole == 0) | (whole == 2)).all().item<bool>());
  EXPECT_GT(whole.sum().item<double>(), 0.0);
  pass.step = 4;
  EXPECT_FALSE(torch::equal(part, module.forward(images.narrow(0, 2, 4), pass)));
}

TEST(GraphModule, KeepsTheFirstConvolutionAndLinearLayersDenseUnlessAsked) {
  GraphModule module(networks::build_network("resnet20", {.input = {{3, 8, 8}}}), torch::kCPU);
  const sparsity::Pattern pattern = value_or_throw(sparsity::parse_pattern("block:8x8@0.5"));
  const auto layers = module.make_sparse({.pattern = pattern});
  EXPECT_EQ(layers.size(), 18U);
  EXPECT_EQ(layers[0].macs, 16 * 16 * 9 * 64);
  EXPECT_EQ(module.make_sparse({.pattern = pattern, .linear = true}).size(), 19U);
  EXPECT_EQ(module.make_sparse({.pattern = pattern, .linear = true, .dense_last = true}).size(),
            18U);
  const sparsity::Pattern wide = value_or_throw(sparsity::parse_pattern("block:32x32@0.5"));
  EXPECT_THROW(module.make_sparse({.pattern = wide}), Error);
}

TEST(GraphModule, LeavesOutASoftmaxAtTheEnd) {
  const std::string text = R"(network ending
input = input() shape=1,4
probabilities = softmax(input) axis=1
output probabilities
)";
  GraphModule module(parsed(text), torch::kCPU);
  const torch::Tensor images = torch::arange(8.0).reshape({2, 4});
  EXPECT_TRUE(torch::equal(module.forward(images, {}), images));
}

TEST(BatchNorm, OverSeveralRanksIsThatOfTheWholeBatch) {
  const torch::Tensor all =
      to_torch(random_images(networks::build_network("mlp"), 6)).reshape({6, 4, 14, 14});
  const torch::Tensor weight = torch::arange(all.numel()).reshape(all.sizes()).sin();
  const auto make = [] {
    return NormTensors{torch::linspace(0.5, 2.0, 4).requires_grad_(true),
                       torch::linspace(-1.0, 1.0, 4).requires_grad_(true), torch::zeros({4}),
                       torch::ones({4})};
  };
  const NormTensors whole = make();
  const torch::Tensor x = all.clone().requires_grad_(true);
  const auto alone = one_rank();
  const torch::Tensor y = batch_norm_training(x, whole, 1e-5, 0.1, *alone);
  (y * weight).sum().backward();

  auto ranks = thread_ranks(3);
  std::vector<torch::Tensor> outputs(3), gradients(3), scales(3);
  std::vector<NormTensors> norms{make(), make(), make()};
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < 3; ++rank) {
    threads.emplace_back([&, rank] {
      const Part part = part_of(6, static_cast<int>(rank), 3);
      const torch::Tensor own = all.narrow(0, part.begin, part.count).clone().requires_grad_(true);
      outputs[rank] = batch_norm_training(own, norms[rank], 1e-5, 0.1, *ranks[rank]);
      (outputs[rank] * weight.narrow(0, part.begin, part.count)).sum().backward();
      gradients[rank] = own.grad();
      scales[rank] = norms[rank].scale.grad();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(torch::allclose(torch::cat(outputs), y, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(torch::cat(gradients), x.grad(), 1e-3, 1e-4));
  EXPECT_TRUE(torch::allclose(scales[0] + scales[1] + scales[2], whole.scale.grad(), 1e-3, 1e-3));
  for (const NormTensors& norm : norms) {
    EXPECT_TRUE(torch::allclose(norm.mean, whole.mean, 1e-4, 1e-6));
    EXPECT_TRUE(torch::allclose(norm.variance, whole.variance, 1e-4, 1e-6));
    EXPECT_TRUE(torch::equal(norm.variance, norms[0].variance));
  }
}

}  // namespace
}  // namespace wbs::trainers
