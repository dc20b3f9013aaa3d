#include "kernels/direct_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"

namespace wbs::kernels {
namespace {

/// Whether kernel columns become channels: see geometry_of().
bool wants_folding(const ConvLayer& layer, const Planes& input) noexcept {
  constexpr std::int64_t kFewPlanes = 4;
  return layer.mask == nullptr && layer.shape.groups == 1 && layer.shape.kernel[1] > 1 &&
         input.planes() <= kFewPlanes;
}

/// The weights of a folded layer: [cout][kw * planes * channels per word][kh][1].
Tensor fold_weights(const ConvLayer& layer, const Planes& input) {
  const ConvShape& shape = layer.shape;
  const std::int64_t filled = input.planes() * channels_per_word(input.element);
  Tensor folded({shape.out_channels, shape.kernel[1] * filled, shape.kernel[0], 1});
  std::size_t from = 0;
  for (std::int64_t out = 0; out < shape.out_channels; ++out) {
    for (std::int64_t in = 0; in < shape.in_channels; ++in) {
      for (std::int64_t ky = 0; ky < shape.kernel[0]; ++ky) {
        for (std::int64_t kx = 0; kx < shape.kernel[1]; ++kx, ++from) {
          const std::int64_t channel = kx * filled + in;
          const std::int64_t to = (out * shape.kernel[1] * filled + channel) * shape.kernel[0] + ky;
          folded.values[static_cast<std::size_t>(to)] = layer.weights->values[from];
        }
      }
    }
  }
  return folded;
}

/// A packing that a user can force.
struct NamedPacking {
  Packing packing;
  bool compact;
  std::string_view text;
};
constexpr std::array kPackings{
    NamedPacking{Packing::panel8, false, "panels of 8 outputs"},
    NamedPacking{Packing::panel8, true, "panels of 8 kept outputs"},
    NamedPacking{Packing::panel4, false, "panels of 4 outputs"},
    NamedPacking{Packing::rows, false, "single outputs"},
    NamedPacking{Packing::blocks, false, "single outputs in blocks"},
    NamedPacking{Packing::pairs4, false, "pairs of 4 inputs"},
    NamedPacking{Packing::pairs8, false, "pairs of 8 inputs"},
};

/// The forced packing, or the cheapest that the implementation has a kernel for.
PackingChoice packing_for(const ConvLayer& layer, const Implementation& implementation,
                          std::string_view force) {
  const auto has = [&](Packing packing) {
    return implementation.tile(tile_output(layer.element), packing) != nullptr;
  };
  if (force.empty()) {
    return cheapest_packing(layer, {.blocks = has(Packing::blocks),
                                    .pairs = has(Packing::pairs4),
                                    .compact = has(Packing::panel8)});
  }
  for (const NamedPacking& named : kPackings) {
    if (named.text != force || !has(named.packing)) continue;
    if (named.compact && !compact_outputs(layer)) break;
    return {named.packing, named.compact, 0.0};
  }
  throw Error(ErrorKind::unsupported,
              fmt::format("layer {}: implementation '{}' has no packing '{}'", layer.name,
                          implementation.name, force));
}

/// Rows of sums in a group. Where tiles are few, threads share the groups.
std::int32_t sum_rows(const ConvShape& shape, int threads) noexcept {
  const std::int64_t pixels = shape.images * shape.out_height() * shape.out_width();
  const std::int64_t groups = 8 * std::int64_t{threads} * kVectorPixels * kTileVectors / pixels;
  if (threads == 1 || groups <= 1) return kMostSumRows;
  constexpr std::int64_t kStep = 16;
  const std::int64_t steps = shape.out_channels / (kStep * groups);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(kStep * steps, kStep, kMostSumRows));
}

}  // namespace

DirectWeights direct_weights(const ConvLayer& layer, const Planes& input,
                             const Implementation& implementation, const ConvOptions& options) {
  DirectWeights made;
  made.folded = wants_folding(layer, input);
  ConvLayer packed = layer;
  Tensor weights;
  if (made.folded) {
    weights = fold_weights(layer, input);
    packed.shape.in_channels = weights.shape[1];
    packed.shape.kernel[1] = 1;
    packed.weights = &weights;
  }
  const PackingChoice choice = packing_for(packed, implementation, options.force_packing);
  if (choice.compact) {
    made.compact = compact_outputs(layer, sum_rows(layer.shape, options.threads));
    weights = compact_weights(layer, *made.compact);
    packed.shape.out_channels = weights.shape[0];
    packed.weights = &weights;
    packed.mask = nullptr;
  }
  made.packed = pack_weights(packed, choice.packing);
  return made;
}

std::string_view packing_text(Packing packing, bool compact) noexcept {
  for (const NamedPacking& named : kPackings) {
    if (named.packing == packing && named.compact == compact) return named.text;
  }
  return "";
}

}  // namespace wbs::kernels
