#include "datasets/embedded.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "core/rng.hpp"

namespace wbs::datasets {
namespace {

constexpr std::int64_t kSide = 16;
constexpr std::int64_t kClasses = 10;
constexpr std::int64_t kTrainImages = 5000;
constexpr std::int64_t kTestImages = 2000;

// Chosen so that a dense ResNet-20 ends at about nine tenths after a few epochs: many patterns cost
// capacity, noise and distraction bound what any network can reach.
constexpr std::int64_t kPatterns = 12;  // per class
constexpr double kLargestShift = 2.0;   // pixels
constexpr double kLargestStrain = 0.2;  // of each coefficient of the affine map
constexpr double kLargestDistraction = 0.7;
constexpr double kContrastSpread = 0.3;
constexpr double kLargestTint = 0.3;
constexpr float kNoise = 0.6F;
constexpr float kGrey = 127.5F;
constexpr float kAmplitude = 50.0F;  // 8-bit steps of one deviation of a pattern

// A pattern's grid. It reaches beyond the image, so that a shift shows no edge.
constexpr std::int64_t kKnots = 7;  // per axis
constexpr double kKnotPitch = 4.0;  // pixels between knots
constexpr float kLastKnot = static_cast<float>(kKnots - 1);

/// A smooth random colour field: normal values at the knots, [y][x][3].
using Pattern = std::vector<float>;

Rng stream(std::uint64_t seed, const std::string& name) {
  return Rng(seed, stream_of(name.data(), name.size()));
}

/// Uniform within `width` of zero.
float spread(Rng& rng, double width) {
  return static_cast<float>((2.0 * rng.uniform() - 1.0) * width);
}

std::int64_t one_of(Rng& rng, std::int64_t count) {
  return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(count)));
}

/// Both splits share them: [class][pattern].
std::vector<Pattern> make_patterns(std::uint64_t seed) {
  std::vector<Pattern> patterns;
  for (std::int64_t i = 0; i < kClasses * kPatterns; ++i) {
    Rng rng = stream(seed, fmt::format("embedded/pattern/{}", i));
    Pattern& pattern = patterns.emplace_back(static_cast<std::size_t>(kKnots * kKnots * 3));
    rng.fill_normal(pattern, 0.0F, 1.0F);
  }
  return patterns;
}

/// Where a pattern is seen: knots (y, x) = origin + matrix * (pixel - centre of the image).
struct View {
  float origin_y = 0.0F;
  float origin_x = 0.0F;
  float yy = 0.0F;
  float yx = 0.0F;
  float xy = 0.0F;
  float xx = 0.0F;
};

View random_view(Rng& rng) {
  constexpr auto kScale = static_cast<float>(1.0 / kKnotPitch);
  View view;
  view.origin_y = kLastKnot / 2.0F + spread(rng, kLargestShift / kKnotPitch);
  view.origin_x = kLastKnot / 2.0F + spread(rng, kLargestShift / kKnotPitch);
  view.yy = kScale * (1.0F + spread(rng, kLargestStrain));
  view.yx = kScale * spread(rng, kLargestStrain);
  view.xy = kScale * spread(rng, kLargestStrain);
  view.xx = kScale * (1.0F + spread(rng, kLargestStrain));
  return view;
}

/// A position on the grid: the knot before it, and how far the next one counts.
struct Position {
  std::int64_t knot = 0;
  float weight = 0.0F;
};

Position position_of(float at) {
  const float inside = std::clamp(at, 0.0F, kLastKnot - 0.001F);
  const auto knot = static_cast<std::int64_t>(inside);
  const float t = inside - static_cast<float>(knot);
  return {knot, t * t * (3.0F - 2.0F * t)};  // smoothstep hides the grid
}

/// values[y][x][3] += strength * the pattern seen through `view`.
void add_pattern(const Pattern& pattern, const View& view, float strength,
                 std::span<float> values) {
  constexpr float kCentre = static_cast<float>(kSide - 1) / 2.0F;
  float* out = values.data();
  for (std::int64_t y = 0; y < kSide; ++y) {
    const float dy = static_cast<float>(y) - kCentre;
    for (std::int64_t x = 0; x < kSide; ++x) {
      const float dx = static_cast<float>(x) - kCentre;
      const Position at_y = position_of(view.origin_y + view.yy * dy + view.yx * dx);
      const Position at_x = position_of(view.origin_x + view.xy * dy + view.xx * dx);
      const float* above = pattern.data() + (at_y.knot * kKnots + at_x.knot) * 3;
      const float* below = above + kKnots * 3;
      for (int c = 0; c < 3; ++c) {
        const float top = above[c] + at_x.weight * (above[c + 3] - above[c]);
        const float bottom = below[c] + at_x.weight * (below[c + 3] - below[c]);
        *out++ += strength * (top + at_y.weight * (bottom - top));
      }
    }
  }
}

/// Noise, the class's pattern, a weaker one of another class, contrast and tint.
void make_image(const std::vector<Pattern>& patterns, std::int64_t label, Rng& rng,
                std::span<float> values, std::span<std::uint8_t> pixels) {
  const auto pattern_of = [&patterns, &rng](std::int64_t of_class) -> const Pattern& {
    return patterns[static_cast<std::size_t>(of_class * kPatterns + one_of(rng, kPatterns))];
  };
  const Pattern& own = pattern_of(label);
  const Pattern& other = pattern_of((label + 1 + one_of(rng, kClasses - 1)) % kClasses);
  const View own_view = random_view(rng);
  const View other_view = random_view(rng);
  const float contrast = 1.0F + spread(rng, kContrastSpread);
  std::array<float, 3> tint{};
  for (float& value : tint) value = spread(rng, kLargestTint);
  const auto distraction = static_cast<float>(kLargestDistraction * rng.uniform());
  rng.fill_normal(values, 0.0F, kNoise);
  add_pattern(own, own_view, contrast, values);
  add_pattern(other, other_view, distraction, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = kGrey + kAmplitude * (values[i] + tint[i % 3]);
    pixels[i] = static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F));
  }
}

}  // namespace

MemoryDataset embedded_dataset(Split split, std::uint64_t seed) {
  const std::vector<Pattern> patterns = make_patterns(seed);
  const std::int64_t images = split == Split::train ? kTrainImages : kTestImages;
  constexpr auto kPixels = static_cast<std::size_t>(kSide * kSide * 3);
  MemoryDataset::Parts parts;
  parts.source = "embedded";
  parts.shape = {kSide, kSide, 3, true};
  for (std::int64_t i = 0; i < kClasses; ++i) parts.classes.push_back(fmt::format("{}", i));
  parts.pixels.resize(static_cast<std::size_t>(images) * kPixels);
  std::vector<float> values(kPixels);
  for (std::int64_t i = 0; i < images; ++i) {
    Rng rng = stream(seed, fmt::format("embedded/{}/{}", to_string(split), i));
    const std::int64_t label = i % kClasses;
    parts.labels.push_back(static_cast<std::uint8_t>(label));
    make_image(patterns, label, rng, values,
               std::span(parts.pixels).subspan(static_cast<std::size_t>(i) * kPixels, kPixels));
  }
  return MemoryDataset(std::move(parts));
}

}  // namespace wbs::datasets
