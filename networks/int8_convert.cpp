// The second half of to_int8(): exponents, integers and shifts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "core/error.hpp"
#include "networks/fold.hpp"
#include "networks/int8_interpret.hpp"
#include "networks/int8_plan.hpp"
#include "networks/shape_inference.hpp"

namespace wbs::networks {
namespace {

using int8::Draft;
using int8::exponent_above;
using int8::Plan;
using int8::Range;
using Kind = Int8Op::Kind;

constexpr double kLargestWeight = 127.0;
constexpr int kLargestShift = 31;
constexpr int kLargestAddShift = 22;
constexpr int kLargestSecondShift = 20;
/// Of a layer without weights: its biases keep so many bits below the result's last one.
constexpr std::int32_t kZeroWeightShift = 8;

/// A layer's weights [out][rest] and biases.
struct Layer {
  std::span<const float> weights;
  std::span<const float> bias;  ///< empty when it has none
  std::int64_t channels = 0;

  [[nodiscard]] std::span<const float> channel(std::int64_t o) const {
    const auto length = weights.size() / static_cast<std::size_t>(channels);
    return weights.subspan(static_cast<std::size_t>(o) * length, length);
  }
};

Layer layer_of(const Node& node, const Weights& weights) {
  Layer layer;
  const Tensor& weight = weights.at(weight_key(node, "weight"));
  layer.weights = weight.values;
  layer.channels = weight.shape[0];
  if (node.weight_shapes.contains("bias")) {
    layer.bias = weights.at(weight_key(node, "bias")).values;
  }
  return layer;
}

bool has_weights(const Int8Op& op) {
  return op.kind == Kind::conv || op.kind == Kind::depthwise;
}

/// The finest exponent with which the weights of a channel fit, or nothing for zeros.
std::optional<std::int32_t> channel_exponent(std::span<const float> weights) {
  float largest = 0.0F;
  for (const float weight : weights) largest = std::max(largest, std::abs(weight));
  if (largest == 0.0F) return std::nullopt;
  return exponent_above(double{largest} / kLargestWeight);
}

/// Of each output channel; of the whole layer where `options` say so.
std::vector<std::optional<std::int32_t>> weight_exponents(const Layer& layer,
                                                          const Int8Options& options) {
  std::vector<std::optional<std::int32_t>> exponents;
  for (std::int64_t o = 0; o < layer.channels; ++o) {
    exponents.push_back(channel_exponent(layer.channel(o)));
  }
  if (!options.per_channel) {
    const auto coarsest = *std::max_element(exponents.begin(), exponents.end());
    std::fill(exponents.begin(), exponents.end(), coarsest);
  }
  return exponents;
}

double round_even(double value) {
  return std::nearbyint(value);  // ties to even in the default rounding mode
}

template <typename Integer>
Integer saturate(double value, double least, double most) {
  return static_cast<Integer>(std::clamp(round_even(value), least, most));
}

class Converter {
 public:
  Converter(const Graph& graph, const Weights& weights, const Int8Options& options)
      : graph_(graph), weights_(weights), options_(options) {}

  Int8Network all(Plan plan, const Quantisation& scales) {
    check_finite(plan);
    const std::vector<Range> ranges =
        choose_ranges(plan, scales, coarsest_exponents(plan), graph_.name);
    Int8Network network;
    network.name = graph_.name;
    network.output = plan.output;
    for (std::size_t i = 0; i < plan.drafts.size(); ++i) {
      Int8Op op = std::move(plan.drafts[i].op);
      op.output.is_unsigned = ranges[i].is_unsigned;
      op.output.exponent = ranges[i].exponent;
      set_limits(plan.drafts[i], op);
      set_numbers(plan.drafts[i], network, op);
      network.operations.push_back(std::move(op));
    }
    return network;
  }

 private:
  void check_finite(const Plan& plan) const {
    for (const Draft& draft : plan.drafts) {
      if (!has_weights(draft.op)) continue;
      const Layer layer = layer_of(graph_.nodes[draft.node], weights_);
      const auto finite = [](float value) { return std::isfinite(value); };
      if (std::ranges::all_of(layer.weights, finite) && std::ranges::all_of(layer.bias, finite)) {
        continue;
      }
      throw Error(ErrorKind::input, fmt::format("network '{}', node '{}': a weight is not finite",
                                                graph_.name, draft.op.name));
    }
  }

  /// Of each draft, the exponent of the channel with the largest weights.
  std::vector<std::int32_t> coarsest_exponents(const Plan& plan) const {
    // Without weights, no result is too fine; the sum with an input's exponent must not overflow.
    constexpr std::int32_t kNoWeights = -10000;
    std::vector<std::int32_t> result;
    for (const Draft& draft : plan.drafts) {
      std::int32_t coarsest = kNoWeights;
      if (has_weights(draft.op)) {
        const Layer layer = layer_of(graph_.nodes[draft.node], weights_);
        for (const auto& exponent : weight_exponents(layer, options_)) {
          coarsest = std::max(coarsest, exponent.value_or(kNoWeights));
        }
      }
      result.push_back(coarsest);
    }
    return result;
  }

  static void set_limits(const Draft& draft, Int8Op& op) {
    const double step = std::ldexp(1.0, op.output.exponent);
    const double least = op.output.is_unsigned ? 0.0 : -128.0;
    const double most = op.output.is_unsigned ? 255.0 : 127.0;
    op.minimum = saturate<std::int16_t>(draft.low / step, least, most);
    op.maximum = saturate<std::int16_t>(draft.high / step, least, most);
  }

  void set_numbers(const Draft& draft, const Int8Network& network, Int8Op& op) const {
    switch (op.kind) {
      case Kind::conv:
      case Kind::depthwise:
        return set_layer(draft, network, op);
      case Kind::average_pool: {
        const std::int32_t from = network.operations[op.inputs[0]].output.exponent;
        const auto mean =
            int8::mean_multiplier(op.window[0] * op.window[1], from - op.output.exponent);
        op.multiplier = mean.multiplier;
        op.pool_shift = mean.shift;
        return;
      }
      case Kind::add:
        return set_add(network, op);
      default:
        return;
    }
  }

  void set_add(const Int8Network& network, Int8Op& op) const {
    const std::int32_t a = network.operations[op.inputs[0]].output.exponent;
    const std::int32_t b = network.operations[op.inputs[1]].output.exponent;
    const std::int32_t finest = std::min({a, b, op.output.exponent});
    if (std::max({a, b, op.output.exponent}) - finest > kLargestAddShift) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("network '{}', node '{}': operands of 2^{} and 2^{} and a result of "
                              "2^{} are too far apart to add in 32 bits",
                              graph_.name, op.name, a, b, op.output.exponent));
    }
    op.shift_input = static_cast<std::uint8_t>(a - finest);
    op.shift_second = static_cast<std::uint8_t>(b - finest);
    op.pool_shift = static_cast<std::uint8_t>(op.output.exponent - finest);
  }

  void set_layer(const Draft& draft, const Int8Network& network, Int8Op& op) const {
    const Node& node = graph_.nodes[draft.node];
    const Layer layer = layer_of(node, weights_);
    const Int8Shape& in = network.operations[op.inputs[0]].output;
    const Int8Shape* second =
        op.inputs.size() > 1 ? &network.operations[op.inputs[1]].output : nullptr;
    const auto exponents = weight_exponents(layer, options_);
    std::vector<std::int8_t> integers;
    for (std::int64_t o = 0; o < layer.channels; ++o) {
      const float bias = layer.bias.empty() ? 0.0F : layer.bias[static_cast<std::size_t>(o)];
      const std::int32_t relative = op.output.exponent - in.exponent;
      std::int32_t exponent =
          exponents[static_cast<std::size_t>(o)].value_or(relative - kZeroWeightShift);
      exponent = std::max(exponent, relative - kLargestShift);
      if (second != nullptr) {
        exponent = std::max(exponent, second->exponent - in.exponent - kLargestSecondShift);
      }
      // Biases take at most half of the 32 bits.
      if (bias != 0.0F) {
        exponent =
            std::max(exponent, exponent_above(std::abs(double{bias}) * 0x1p-30) - in.exponent);
      }
      exponent = std::min(exponent, relative);
      if (second != nullptr) {
        exponent = std::min(exponent, second->exponent - in.exponent);
        op.second_shift.push_back(
            static_cast<std::uint8_t>(second->exponent - in.exponent - exponent));
      }
      op.shift.push_back(static_cast<std::uint8_t>(relative - exponent));
      const double per_unit = std::ldexp(1.0, -exponent);
      for (const float weight : layer.channel(o)) {
        integers.push_back(
            saturate<std::int8_t>(double{weight} * per_unit, -kLargestWeight, kLargestWeight));
      }
      op.bias.push_back(saturate<std::int32_t>(std::ldexp(double{bias}, -exponent - in.exponent),
                                               std::numeric_limits<std::int32_t>::min(),
                                               std::numeric_limits<std::int32_t>::max()));
    }
    const std::int64_t groups = node.op == Op::conv ? node.attributes.groups : 1;
    const bool dense = op.kind == Kind::depthwise || groups == 1;
    op.weights = dense ? std::move(integers) : ungrouped(op, groups, in.channels, integers);
  }

  /// Weights [out][in/groups][...] with the zeros that make them [out][in][...].
  static std::vector<std::int8_t> ungrouped(const Int8Op& op, std::int64_t groups,
                                            std::int64_t in_channels,
                                            const std::vector<std::int8_t>& grouped) {
    const std::int64_t taps = op.window[0] * op.window[1];
    const std::int64_t out_of_group = op.output.channels / groups;
    const std::int64_t length = in_channels / groups * taps;
    std::vector<std::int8_t> dense(
        static_cast<std::size_t>(op.output.channels * in_channels * taps));
    for (std::int64_t o = 0; o < op.output.channels; ++o) {
      const auto from = grouped.begin() + o * length;
      const std::int64_t to = o * in_channels * taps + o / out_of_group * length;
      std::copy(from, from + length, dense.begin() + to);
    }
    return dense;
  }

  const Graph& graph_;
  const Weights& weights_;
  const Int8Options& options_;
};

}  // namespace

Int8Network to_int8(const Graph& graph, const Weights& weights, const Quantisation& scales,
                    const Int8Options& options) {
  check_structure(graph);
  Graph original = graph;
  Shape shape = original.nodes[0].attributes.shape;
  if (shape.empty()) {
    throw Error(ErrorKind::unsupported,
                fmt::format("network '{}': the input is a scalar", graph.name));
  }
  shape[0] = 1;
  infer_shapes(original, shape);
  check_weights(original, weights);
  Graph folded = original;
  const bool norms =
      std::ranges::any_of(graph.nodes, [](const Node& node) { return node.op == Op::batch_norm; });
  Weights folded_weights;  // a copy only where there is something to fold
  if (norms) {
    folded_weights = weights;
    fold_batch_norms(folded, folded_weights);
  }
  folded = remove_identities(folded);
  return Converter(folded, norms ? folded_weights : weights, options)
      .all(int8::make_plan(original, folded, options), scales);
}

}  // namespace wbs::networks
