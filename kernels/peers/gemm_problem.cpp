#include "kernels/peers/gemm_problem.hpp"

#include <algorithm>

namespace wbs::kernels::peers {

Result<void> check_is_product(const Problem& problem) {
  const ConvLayer& layer = problem.layer;
  const ConvShape& s = layer.shape;
  if (layer.element != Element::f32) return refusal("only fp32 products are compared");
  if (!layer.epilogue.scale.empty()) return refusal("per-channel scales are for int8");
  if (s.taps() != 1 || s.groups != 1) return refusal("only 1x1 convolutions are products");
  if (s.stride[0] != 1 || s.stride[1] != 1 || s.pad_top + s.pad_left + s.pad_bottom + s.pad_right) {
    return refusal("a strided or padded 1x1 convolution needs a copy first");
  }
  return {};
}

void finish_tile(const Epilogue& epilogue, const Tile& tile) noexcept {
  for (std::int64_t row = 0; row < tile.rows; ++row) {
    const auto channel = static_cast<std::size_t>(tile.channel + row);
    const float bias = epilogue.bias.empty() ? 0.0F : epilogue.bias[channel];
    float* sums = tile.sums + row * tile.stride;
    if (tile.residual != nullptr) {
      const float* residual = tile.residual + row * tile.stride;
      for (std::int64_t i = 0; i < tile.columns; ++i) {
        sums[i] += bias + epilogue.residual_scale * residual[i];
      }
    } else {
      for (std::int64_t i = 0; i < tile.columns; ++i) sums[i] += bias;
    }
    for (std::int64_t i = 0; i < tile.columns; ++i) {
      sums[i] = std::min(std::max(sums[i], epilogue.low), epilogue.high);
    }
  }
}

PlainCopies::PlainCopies(const Problem& problem, const Setup& setup)
    : shape_(output_shape(problem.layer.shape)),
      weights_(static_cast<std::size_t>(setup.weight_copies), problem.layer.weights->values),
      activations_(static_cast<std::size_t>(setup.activation_copies),
                   {problem.input.values,
                    std::vector<float>(static_cast<std::size_t>(element_count(shape_))),
                    problem.residual.values}) {}

Tensor PlainCopies::output(int round) const {
  return {shape_, activations_[static_cast<std::size_t>(round) % activations_.size()].output};
}

ContestantInfo product_info(const Problem& problem, std::string name, std::string implementation) {
  const auto bytes = [](std::size_t values) { return static_cast<std::int64_t>(values * 4); };
  const std::size_t outputs =
      static_cast<std::size_t>(element_count(output_shape(problem.layer.shape)));
  return {std::move(name), "gemm", std::move(implementation),
          bytes(problem.layer.weights->values.size() + problem.layer.epilogue.bias.size()),
          bytes(problem.input.values.size() + outputs + problem.residual.values.size())};
}

}  // namespace wbs::kernels::peers
