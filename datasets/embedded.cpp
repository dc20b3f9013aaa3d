#include "datasets/embedded.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "core/rng.hpp"

namespace wbs::datasets {
namespace {
constexpr std::int64_t kSide = 16;
constexpr std::int64_t kClasses = 10;
constexpr std::int64_t kTrainImages = 5000;
constexpr std::int64_t kTestImages = 2000;
constexpr std::int64_t kPatterns = 6;  // per class
constexpr std::int64_t kKnots = 7;     // of a pattern's grid, per axis
constexpr std::int64_t kCells = kKnots - 1;
constexpr double kKnotPitch = 4.0;  // pixels between knots

Rng stream(std::uint64_t seed, const std::string& name) {
  return Rng(seed, stream_of(name.data(), name.size()));
}

/// A smooth random colour field: normal values at the knots of a grid, [y][x][3], interpolated.
using Pattern = std::vector<float>;

/// [class][pattern].
std::vector<Pattern> make_patterns(std::uint64_t seed) {
  std::vector<Pattern> patterns;
  for (std::int64_t i = 0; i < kClasses * kPatterns; ++i) {
    Rng rng = stream(seed, fmt::format("embedded/pattern/{}", i));
    Pattern& pattern = patterns.emplace_back(static_cast<std::size_t>(kKnots * kKnots * 3));
    rng.fill_normal(pattern, 0.0F, 1.0F);
  }
  return patterns;
}

/// x - 1/2 to x + 1/2 would show the grid: smoothstep hides it.
float smooth(float t) {
  return t * t * (3.0F - 2.0F * t);
}

/// Where a pattern is seen: position = offset + matrix * (pixel - centre), in knots.
struct View {
  float origin_y, origin_x;
  float yy, yx, xy, xx;
};

View random_view(Rng& rng, double shift, double strain) {
  const auto spread = [&rng](double width) {
    return static_cast<float>((2.0 * rng.uniform() - 1.0) * width);
  };
  constexpr float kPitch = static_cast<float>(1.0 / kKnotPitch);
  constexpr float kCentre = kCells / 2.0F;
  const auto shift_knots = shift / kKnotPitch;
  View view{};
  view.origin_y = kCentre + spread(shift_knots);
  view.origin_x = kCentre + spread(shift_knots);
  view.yy = kPitch * (1.0F + spread(strain));
  view.yx = kPitch * spread(strain);
  view.xy = kPitch * spread(strain);
  view.xx = kPitch * (1.0F + spread(strain));
  return view;
}

/// values[y][x][3] += strength * pattern seen through `view`.
void add_pattern(const Pattern& pattern, const View& view, float strength,
                 std::span<float> values) {
  constexpr float kCentre = (kSide - 1) / 2.0F;
  constexpr float kLast = kCells - 0.001F;
  float* out = values.data();
  for (std::int64_t y = 0; y < kSide; ++y) {
    const float dy = static_cast<float>(y) - kCentre;
    for (std::int64_t x = 0; x < kSide; ++x) {
      const float dx = static_cast<float>(x) - kCentre;
      const float at_y = std::clamp(view.origin_y + view.yy * dy + view.yx * dx, 0.0F, kLast);
      const float at_x = std::clamp(view.origin_x + view.xy * dy + view.xx * dx, 0.0F, kLast);
      const auto knot_y = static_cast<std::int64_t>(at_y);
      const auto knot_x = static_cast<std::int64_t>(at_x);
      const float ty = smooth(at_y - static_cast<float>(knot_y));
      const float tx = smooth(at_x - static_cast<float>(knot_x));
      const float* a = pattern.data() + (knot_y * kKnots + knot_x) * 3;
      const float* b = a + kKnots * 3;
      for (int c = 0; c < 3; ++c) {
        const float top = a[c] + tx * (a[c + 3] - a[c]);
        const float bottom = b[c] + tx * (b[c + 3] - b[c]);
        *out++ += strength * (top + ty * (bottom - top));
      }
    }
  }
}

void make_image(const std::vector<Pattern>& patterns, std::int64_t label, Rng& rng,
                std::span<float> values, std::span<std::uint8_t> pixels) {
  const auto one_of = [&rng](std::int64_t count) {
    return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(count)));
  };
  const auto pattern = static_cast<std::size_t>(label * kPatterns + one_of(kPatterns));
  constexpr double kShift = 2.0, kStrain = 0.2, kDis = 0.5, kNoise = 0.5, kContrast = 0.3,
                   kTint = 0.3;
  const auto other_class = (label + 1 + one_of(kClasses - 1)) % kClasses;
  const auto other = static_cast<std::size_t>(other_class * kPatterns + one_of(kPatterns));
  const View view = random_view(rng, kShift, kStrain);
  const View other_view = random_view(rng, kShift, kStrain);
  const auto contrast = static_cast<float>(1.0 + kContrast * (2 * rng.uniform() - 1));
  std::array<float, 3> tint{};
  for (float& t : tint) t = static_cast<float>(kTint * (2 * rng.uniform() - 1));
  const auto distraction = static_cast<float>(kDis * rng.uniform());
  rng.fill_normal(values, 0.0F, static_cast<float>(kNoise));
  add_pattern(patterns[pattern], view, contrast, values);
  add_pattern(patterns[other], other_view, distraction, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = 127.5F + 50.0F * (values[i] + tint[i % 3]);
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
  parts.labels.resize(static_cast<std::size_t>(images));
  std::vector<float> values(kPixels);
  for (std::int64_t i = 0; i < images; ++i) {
    Rng rng = stream(seed, fmt::format("embedded/{}/{}", to_string(split), i));
    const std::int64_t label = i % kClasses;
    parts.labels[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(label);
    make_image(patterns, label, rng, values,
               std::span(parts.pixels).subspan(static_cast<std::size_t>(i) * kPixels, kPixels));
  }
  return MemoryDataset(std::move(parts));
}

}  // namespace wbs::datasets
