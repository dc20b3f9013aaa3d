#include "kernels/measure/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "core/rng.hpp"
#include "sparsity/prune.hpp"

namespace wbs::kernels::measure {
namespace {

/// Products in one output of the dense layer.
std::int64_t terms_of(const ConvShape& shape) {
  return shape.in_channels / shape.groups * shape.taps();
}

Rng stream(const LayerRequest& request, const char* role) {
  const std::string key = request.name + "/" + role;
  return Rng(request.seed, stream_of(key.data(), key.size()));
}

Tensor seeded_weights(const LayerRequest& request) {
  Tensor weights(request.shape.weight_shape());
  const auto fan_in = static_cast<float>(terms_of(request.shape));
  stream(request, "weight").fill_normal(weights.values, 0.0F, std::sqrt(2.0F / fan_in));
  return weights;
}

/// Symmetric 8-bit weights per output channel; a kept weight that would round to zero stays 1, so
/// that the work is that of the mask.
void quantise_rows(Tensor& weights) {
  const auto rows = static_cast<std::size_t>(weights.shape.front());
  const std::size_t row_size = weights.values.size() / rows;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<float> values(weights.values.data() + row * row_size, row_size);
    float largest = 0.0F;
    for (const float value : values) largest = std::max(largest, std::fabs(value));
    for (float& value : values) {
      const float steps = largest > 0.0F ? std::nearbyint(value / largest * 127.0F) : 0.0F;
      value = value == 0.0F || steps != 0.0F ? steps : 1.0F;
    }
  }
}

void round_to_bf16(std::vector<float>& values) {
  for (float& value : values) value = from_bf16(to_bf16(value));
}

/// Activations without zeros: [-1, 1] in 2^-8 steps off zero for floats, [1, 255] for u8.
Tensor activations(const LayerRequest& request, const char* role, const Shape& shape) {
  Tensor values(shape);
  Rng rng = stream(request, role);
  for (float& value : values.values) {
    const std::uint32_t bits = rng.next_u32();
    if (request.element == Element::u8) {
      value = static_cast<float>(1 + bits % 255);
    } else {
      value = (static_cast<float>(bits >> 8U) + 0.5F) * 0x1p-23F - 1.0F;
    }
  }
  if (request.element == Element::bf16) round_to_bf16(values.values);
  return values;
}

void add_epilogue(const LayerRequest& request, double density, Epilogue& epilogue) {
  const auto channels = static_cast<std::size_t>(request.shape.out_channels);
  Rng rng = stream(request, "bias");
  const bool integer = request.element == Element::u8;
  if (request.bias) {
    for (std::size_t i = 0; i < channels; ++i) {
      const float value = static_cast<float>(rng.uniform()) - 0.5F;
      epilogue.bias.push_back(integer ? 60.0F + 40.0F * value : value);
    }
  }
  epilogue.residual = request.residual;
  epilogue.low = request.low;
  epilogue.high = request.high;
  epilogue.output = request.element;
  if (!integer) return;
  // Sums have a deviation of about 147 (inputs) * 35 (weights) * sqrt(terms): scaled to about 40.
  const double terms = density * static_cast<double>(terms_of(request.shape));
  const double usual = 40.0 / (147.0 * 35.0 * std::sqrt(std::max(1.0, terms)));
  for (std::size_t i = 0; i < channels; ++i) {
    epilogue.scale.push_back(static_cast<float>(usual * (0.75 + 0.5 * rng.uniform())));
  }
  epilogue.residual_scale = 0.5F;
  // Saturation is what a clip below 0 or above 255 does to u8.
  epilogue.low = std::max(epilogue.low, 0.0F);
  if (epilogue.high > 255.0F) epilogue.high = std::numeric_limits<float>::infinity();
}

}  // namespace

std::unique_ptr<const sparsity::Mask> make_mask(const LayerRequest& request,
                                                const MaskChoice& choice, const Tensor& weights) {
  if (sparsity::is_dense(choice.pattern)) return nullptr;
  if (const Result<void> fits = sparsity::check_fits(choice.pattern, weights.shape); !fits) {
    throw Error(ErrorKind::input, fmt::format("layer {}: pattern '{}': {}", request.name,
                                              sparsity::to_string(choice.pattern), fits.error()));
  }
  if (choice.given) {
    const sparsity::Plane plane = sparsity::plane_of(weights.shape);
    return std::make_unique<sparsity::Mask>(
        sparsity::mask_of_nonzeros(weights, sparsity::granularity_of(choice.pattern, plane)));
  }
  const Tensor* ranked = &weights;
  Tensor noise;
  if (choice.uniform) {
    // The least important of independent noise: a uniform choice among the masks of the pattern.
    noise = Tensor(weights.shape);
    Rng rng = stream(request, "mask");
    if (std::holds_alternative<sparsity::BlockPattern>(choice.pattern)) {
      const auto& block = std::get<sparsity::BlockPattern>(choice.pattern);
      const sparsity::Granularity cells{block.rows, block.cols, false};
      const sparsity::Mask grid(weights.shape, cells);
      std::vector<double> importance(static_cast<std::size_t>(grid.cells()));
      for (double& value : importance) value = rng.uniform();
      return std::make_unique<sparsity::Mask>(
          sparsity::prune_cells(weights.shape, cells, block.ratio, importance).mask);
    }
    for (float& value : noise.values) value = static_cast<float>(rng.uniform()) + 0.01F;
    ranked = &noise;
  }
  return std::make_unique<sparsity::Mask>(sparsity::prune(*ranked, choice.pattern).mask);
}

std::unique_ptr<LayerProblem> make_problem(const LayerRequest& request, const MaskChoice& choice) {
  auto made = std::make_unique<LayerProblem>();
  made->weights = choice.weights != nullptr ? *choice.weights : seeded_weights(request);
  if (choice.weights != nullptr && made->weights.shape != request.shape.weight_shape()) {
    made->weights.shape = request.shape.weight_shape();  // [out][in] of a linear layer
    WBS_ASSERT(static_cast<std::size_t>(element_count(made->weights.shape)) ==
               made->weights.values.size());
  }
  made->mask = make_mask(request, choice, made->weights);
  if (made->mask) {
    made->mask->apply(made->weights);
    made->density = 1.0 - made->mask->sparsity();
  }
  if (request.element == Element::u8) quantise_rows(made->weights);
  if (request.element == Element::bf16) round_to_bf16(made->weights.values);
  peers::Problem& problem = made->problem;
  const ConvShape& s = request.shape;
  problem.layer.name = request.name;
  problem.layer.shape = s;
  problem.layer.element = request.element;
  problem.layer.weights = &made->weights;
  problem.layer.mask = made->mask.get();
  add_epilogue(request, made->density, problem.layer.epilogue);
  problem.input = activations(request, "input", {s.images, s.in_channels, s.height, s.width});
  if (request.residual) {
    problem.residual = activations(request, "residual", peers::output_shape(s));
  }
  return made;
}

}  // namespace wbs::kernels::measure
