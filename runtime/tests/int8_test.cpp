// Every step of an int8 program against exact integer arithmetic on what the steps before it gave.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "networks/fold.hpp"
#include "networks/interpreter.hpp"
#include "networks/shape_inference.hpp"
#include "runtime/calibrate.hpp"
#include "runtime/executor.hpp"
#include "runtime/tests/random_network.hpp"

namespace wbs::runtime {
namespace {

using kernels::Element;
using networks::Node;

/// A value as stored: u8 numbers less their zero point, or fp32.
struct Stored {
  Value value;
  std::vector<double> numbers;  ///< as [n][c][h][w], or dense
};

Stored read(const Value& value, const void* data) {
  Stored stored{value, {}};
  const auto count = static_cast<std::size_t>(element_count(value.shape));
  std::vector<float> numbers(count);
  if (value.planes) {
    kernels::from_planes(*value.planes, data, 1.0F, numbers.data());
  } else {
    std::copy_n(static_cast<const float*>(data), count, numbers.data());
  }
  stored.numbers.assign(numbers.begin(), numbers.end());
  return stored;
}

/// Exact sums of a convolution or matrix product of integers.
std::vector<double> sums_of(const Node& node, const Stored& x, const Tensor& integers,
                            const Shape& out) {
  const bool image = node.op == networks::Op::conv;
  const networks::Attributes a = image ? node.attributes : networks::Attributes{};
  const kernels::Planes& planes = *x.value.planes;
  const Shape in{planes.images, planes.channels, planes.height, planes.width};
  const Shape y = image ? out : Shape{planes.images, out.back(), 1, 1};
  const std::int64_t inputs = in[1] / a.groups;
  const std::int64_t outputs = y[1] / a.groups;
  const std::array<std::int64_t, 2> k{image ? integers.shape[2] : 1, image ? integers.shape[3] : 1};
  std::vector<double> sums;
  for (std::int64_t n = 0; n < y[0]; ++n) {
    for (std::int64_t o = 0; o < y[1]; ++o) {
      for (std::int64_t p = 0; p < y[2] * y[3]; ++p) {
        double sum = 0.0;  // exact below 2^53
        for (std::int64_t t = 0; t < inputs * k[0] * k[1]; ++t) {
          const std::int64_t c = o / outputs * inputs + t / (k[0] * k[1]);
          const std::int64_t iy =
              p / y[3] * a.stride[0] - a.padding.top + t / k[1] % k[0] * a.dilation[0];
          const std::int64_t ix =
              p % y[3] * a.stride[1] - a.padding.left + t % k[1] * a.dilation[1];
          if (iy < 0 || iy >= in[2] || ix < 0 || ix >= in[3]) continue;
          const double weight =
              integers.values[static_cast<std::size_t>(o * inputs * k[0] * k[1] + t)];
          sum += weight *
                 x.numbers[static_cast<std::size_t>(((n * in[1] + c) * in[2] + iy) * in[3] + ix)];
        }
        sums.push_back(sum);
      }
    }
  }
  return sums;
}

class Checker {
 public:
  Checker(const Program& program, const networks::Weights& weights)
      : program_(program), weights_(weights), seen_(program.values.size()) {}

  void input(const StepView& view) { seen_[program_.input] = read(view.value, view.data); }

  void step(const ProgramStep& step, const StepView& view) {
    seen_[step.output] = read(view.value, view.data);
    if (step.kind == StepKind::conv) check_layer(step);
    if (step.kind == StepKind::add) check_sum(step);
  }

  [[nodiscard]] int layers() const { return layers_; }

 private:
  /// `real` in real numbers against the stored number: equal but for ties.
  void compare(const ProgramStep& step, std::size_t i, double real) {
    const Stored& y = seen_[step.output];
    real = std::min(std::max(real, double{step.low}), double{step.high});
    const double stored = y.numbers[i];
    if (!y.value.planes || y.value.planes->element == Element::f32) {
      ASSERT_NEAR(stored, real, 1e-5 * (1.0 + std::abs(real))) << step.name << " " << i;
      return;
    }
    const int zero = y.value.quant.zero_point;
    const double steps =
        std::min(std::max(real / double{y.value.quant.scale}, double(-zero)), double(255 - zero));
    // The kernel computes in fp32: it may only differ where the exact value is next to a tie.
    ASSERT_LE(std::abs(stored - steps), 0.5 + 1e-3) << step.name << " " << i;
  }

  void check_layer(const ProgramStep& step) {
    ++layers_;
    const Node& node = program_.graph.nodes[step.node];
    const Stored& x = seen_[step.inputs[0]];
    ASSERT_EQ(x.value.planes->element, Element::u8) << step.name;
    const auto quantised =
        networks::quantise_weights(weights_.at(networks::weight_key(node, "weight")), false);
    const std::vector<double> sums =
        sums_of(node, x, quantised.integers, seen_[step.output].value.shape);
    const auto outputs = static_cast<std::size_t>(node.weight_shapes.at("weight")[0]);
    const std::size_t pixels =
        node.op == networks::Op::conv
            ? static_cast<std::size_t>(node.output_shape[2] * node.output_shape[3])
            : 1;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const std::size_t o = i / pixels % outputs;
      double real = sums[i] * double{x.value.quant.scale} * double{quantised.scales[o]};
      if (node.weight_shapes.contains("bias")) {
        real += double{weights_.at(networks::weight_key(node, "bias")).values[o]};
      }
      if (step.residual) {
        const Stored& residual = seen_[*step.residual];
        real += residual.numbers[i] * double{residual.value.quant.scale};
      }
      compare(step, i, real);
    }
  }

  void check_sum(const ProgramStep& step) {
    const Stored& a = seen_[step.inputs[0]];
    const Stored& b = seen_[step.inputs[1]];
    for (std::size_t i = 0; i < a.numbers.size(); ++i) {
      compare(
          step, i,
          a.numbers[i] * double{a.value.quant.scale} + b.numbers[i] * double{b.value.quant.scale});
    }
  }

  const Program& program_;
  const networks::Weights& weights_;
  std::vector<Stored> seen_;
  int layers_ = 0;
};

TEST(Int8, EveryStepIsTheExactIntegerResult) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    networks::Graph graph = testing::random_graph(seed);
    networks::Weights weights = testing::lively_weights(graph, seed);
    networks::fold_batch_norms(graph, weights);
    const auto quantisation = nominal_quantisation(graph, weights);
    const std::int64_t batch = seed % 3 == 0 ? 3 : 1;
    Executor executor(graph, weights, {},
                      {.element = Element::u8,
                       .batch = batch,
                       .threads = 1 + static_cast<int>(seed % 2),
                       .quantisation = &quantisation});
    Checker checker(executor.program(), weights);
    const Tensor image = testing::random_image(executor.input_shape(), seed);
    Tensor output(executor.output_shape());
    std::size_t next = 0;
    executor.run(image.values.data(), output.values.data(), [&](const StepView& view) {
      if (next == 0) checker.input(view);
      if (next > 0) checker.step(executor.program().steps[next - 1], view);
      ++next;
    });
    EXPECT_GT(checker.layers(), 2);
  }
}

TEST(Int8, MaximumPoolsKeepTheScale) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    networks::Graph graph = testing::random_graph(seed);
    networks::Weights weights = testing::lively_weights(graph, seed);
    networks::fold_batch_norms(graph, weights);
    const auto quantisation = nominal_quantisation(graph, weights);
    Executor executor(graph, weights, {}, {.element = Element::u8, .quantisation = &quantisation});
    const Program& program = executor.program();
    for (const ProgramStep& step : program.steps) {
      if (step.kind == StepKind::pool &&
          program.graph.nodes[step.node].op == networks::Op::max_pool) {
        EXPECT_EQ(program.values[step.inputs[0]].quant, program.values[step.output].quant);
      }
    }
  }
}

TEST(Int8, PowerOfTwoScalesAreShifts) {
  networks::Graph graph = testing::random_graph(4);
  const networks::Weights weights = testing::lively_weights(graph, 4);
  const auto quantisation =
      nominal_quantisation(graph, weights, {networks::RangeMethod::mse, true});
  for (const auto& [name, quant] : quantisation.activations) {
    int exponent = 0;
    EXPECT_EQ(std::frexp(quant.scale, &exponent), 0.5F) << name;
  }
  Executor executor(graph, weights, {}, {.element = Element::u8, .quantisation = &quantisation});
  const Tensor image = testing::random_image(executor.input_shape(), 1);
  const Tensor expected = networks::interpret(graph, weights, image);
  EXPECT_LE(testing::largest_difference(executor.run(image), expected),
            0.5F * testing::largest_magnitude(expected));
}

}  // namespace
}  // namespace wbs::runtime
