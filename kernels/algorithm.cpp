#include "kernels/algorithm.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "kernels/compact.hpp"
#include "kernels/conv_kernel.hpp"
#include "kernels/pack.hpp"
#include "kernels/winograd_geometry.hpp"
#include "kernels/winograd_weights.hpp"

namespace wbs::kernels {
namespace {

// Cycles, see AlgorithmTimes.
constexpr double kProduct = 1.03;       ///< per weight word and vector
constexpr double kTail = 0.15;          ///< a tail's products as a share of a vector's
constexpr double kPlaneVector = 15.0;   ///< per vector of input or output planes, from L3
constexpr double kWeightByte = 0.03;    ///< per byte of weights that no second-level cache holds
constexpr double kPanelCall = 45.0;     ///< per panel, position and group
constexpr double kScratchVector = 4.0;  ///< per vector written and read between the phases
constexpr double kCachedBytes = 1 << 20;

double traffic(const ConvLayer& layer, double weight_words) {
  const ConvShape& shape = layer.shape;
  const double in = static_cast<double>(shape.images * shape.in_channels * shape.height) *
                    static_cast<double>(shape.width);
  const double out = static_cast<double>(shape.images * shape.out_channels * shape.out_height()) *
                     static_cast<double>(shape.out_width());
  const double bytes = 4.0 * weight_words;
  return kPlaneVector * (in + out) / kVectorPixels +
         (bytes > kCachedBytes ? kWeightByte * bytes : 0.0);
}

double direct_time(const ConvLayer& layer) {
  const double words =
      cheapest_packing(layer, {.blocks = true, .pairs = false, .compact = true}).words;
  const ConvShape& shape = layer.shape;
  const auto pixels = static_cast<double>(shape.images * shape.out_height() * shape.out_width());
  return kProduct * words * pixels / kVectorPixels + traffic(layer, words);
}

double winograd_time(const ConvLayer& layer, const PackingChoice& packing, int tile) {
  // Per step and channel, of the AVX-512 transforms.
  const double in_step = tile == 2 ? 75.0 : 220.0;
  const double out_step = tile == 2 ? 55.0 : 210.0;
  const bool rows = packing.packing == Packing::rows;
  const WinogradGeometry geometry =
      winograd_geometry(layer.shape, tile, rows ? kRowTileVectors : kTileVectors, !rows);
  const double positions = geometry.positions();
  double vectors = 0.0;
  double lanes = 0.0;
  double steps = 0.0;
  for (const WinogradGroup& group : geometry.groups) {
    vectors += group.vectors + kTail * group.tail;
    lanes += group.vectors + group.tail;
    steps += static_cast<double>(group.steps.size());
  }
  const auto in = static_cast<double>(layer.shape.in_channels);
  const auto out = static_cast<double>(layer.shape.out_channels);
  const double panels = out / (packing.packing == Packing::panel8 ? 8.0 : 4.0);
  const double words = positions * packing.words;
  return kProduct * words * vectors +
         kPanelCall * positions * panels * static_cast<double>(geometry.groups.size()) +
         steps * (in * in_step + out * out_step) + kScratchVector * positions * (in + out) * lanes +
         traffic(layer, words);
}

}  // namespace

AlgorithmTimes estimate_times(const ConvLayer& layer, const Implementation& implementation) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  AlgorithmTimes times{direct_time(layer), kNever, kNever};
  // Transforms without vectors cost more than they save.
  const bool vectors =
      implementation.winograd != nullptr && implementation.winograd != winograd_reference;
  if (!vectors || !winograd_refusal(layer, implementation).empty()) return times;
  ConvLayer computed = layer;
  if (const std::optional<CompactOutputs> kept = compact_outputs(layer)) {
    computed.shape.out_channels = static_cast<std::int64_t>(kept->channels.size());
    computed.mask = nullptr;
  }
  const PackingChoice packing = winograd_packing(computed);
  times.winograd2 = winograd_time(computed, packing, 2);
  times.winograd4 = winograd_time(computed, packing, 4);
  return times;
}

std::string_view best_algorithm(const ConvLayer& layer, const Implementation& implementation) {
  // Most layers need no estimate.
  if (!winograd_refusal(layer, implementation).empty()) return "direct";
  const AlgorithmTimes times = estimate_times(layer, implementation);
  if (times.winograd4 < std::min(times.direct, times.winograd2)) return "winograd4";
  return times.winograd2 < times.direct ? "winograd2" : "direct";
}

}  // namespace wbs::kernels
