#include "kernels/elementwise.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "kernels/elementwise_loops.hpp"

namespace wbs::kernels {
namespace {

const ElementRows& rows_for(Element element) noexcept {
  return elementwise_loops().rows[static_cast<std::size_t>(element)];
}

/// Words of a plane rounded up to whole lanes: the stride always has room for them.
std::int64_t whole_words(const Planes& planes) noexcept {
  return (planes.pixels() + kLanes - 1) / kLanes * kLanes;
}

template <typename Byte>
Byte* at(Byte* base, std::int64_t words) noexcept {
  return base + words * 4;
}

std::int64_t byte_offset(const Planes& planes, std::int64_t channel, std::int64_t pixel) noexcept {
  const std::int64_t group = channels_per_word(planes.element);
  return ((channel / group) * planes.stride + pixel) * 4 + (channel % group) * (4 / group);
}

float value_or(const std::vector<float>& values, std::int64_t index, float otherwise) noexcept {
  return values.empty() ? otherwise : values[static_cast<std::size_t>(index)];
}

/// The patterns of the plane that starts with `channel`; channels that do not exist get
/// `zero_point`.
void set_lanes(const Affine& how, const Planes& in, std::int64_t channel, int zero_point,
               AffineRun& run) noexcept {
  const std::int64_t group = channels_per_word(in.element);
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    const std::int64_t own = channel + lane % group;
    const bool exists = own < in.channels;
    run.scale[lane] = exists ? value_or(how.scale, own, 1.0F) : 0.0F;
    run.bias[lane] = exists ? value_or(how.bias, own, 0.0F) : static_cast<float>(zero_point);
  }
}

/// One channel of one plane at any place of its words, element by element.
struct ChannelCopy {
  const Planes& in;
  const std::byte* x;
  std::int64_t from;
  const Planes& out;
  std::byte* y;
  std::int64_t to;
};

void affine_channel(const Affine& how, const ChannelCopy& copy) noexcept {
  const ElementRows& rows = rows_for(copy.in.element);
  const auto size = static_cast<std::size_t>(4 / channels_per_word(copy.in.element));
  AffineRun run{};
  for (float& scale : run.scale) scale = value_or(how.scale, copy.from, 1.0F);
  for (float& bias : run.bias) bias = value_or(how.bias, copy.from, 0.0F);
  run.low = how.low;
  run.high = how.high;
  run.elements = kLanes;
  std::byte block[kLanes * 4] = {};
  run.x = block;
  run.y = block;
  const std::int64_t pixels = copy.in.pixels();
  for (std::int64_t first = 0; first < pixels; first += kLanes) {
    const std::int64_t count = std::min<std::int64_t>(kLanes, pixels - first);
    for (std::int64_t i = 0; i < count; ++i) {
      std::memcpy(block + static_cast<std::size_t>(i) * size,
                  copy.x + byte_offset(copy.in, copy.from, first + i), size);
    }
    rows.affine(run);
    for (std::int64_t i = 0; i < count; ++i) {
      std::memcpy(copy.y + byte_offset(copy.out, copy.to, first + i),
                  block + static_cast<std::size_t>(i) * size, size);
    }
  }
}

/// Sets the channels that only fill up the last word.
void fill_last_word(const Planes& out, std::byte* y) noexcept {
  const std::int64_t group = channels_per_word(out.element);
  const auto size = static_cast<std::size_t>(4 / group);
  for (std::int64_t channel = out.channels; channel < out.planes() * group; ++channel) {
    for (std::int64_t pixel = 0; pixel < out.pixels(); ++pixel) {
      std::memset(y + byte_offset(out, channel, pixel), out.zero_point, size);
    }
  }
}

}  // namespace

const char* elementwise_isa() noexcept {
  return elementwise_loops().name;
}

void affine(const Planes& in, const void* x, const Affine& how, const Planes& out,
            std::int64_t first, void* y, int threads) noexcept {
  const std::int64_t group = channels_per_word(in.element);
  const auto* from = static_cast<const std::byte*>(x);
  auto* to = static_cast<std::byte*>(y);
  if (first % group != 0) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && group == 1)
    for (std::int64_t channel = 0; channel < in.channels; ++channel) {
      affine_channel(how, {in, from, channel, out, to, first + channel});
    }
    if (first + in.channels == out.channels) fill_last_word(out, to);
    return;
  }
  const ElementRows& rows = rows_for(in.element);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (std::int64_t plane = 0; plane < in.planes(); ++plane) {
    AffineRun run{};
    set_lanes(how, in, plane * group, out.zero_point, run);
    run.x = at(from, plane * in.stride);
    run.y = at(to, (first / group + plane) * out.stride);
    run.elements = whole_words(in) * group;
    run.low = how.low;
    run.high = how.high;
    rows.affine(run);
  }
}

void add(const Planes& planes, const void* a, const void* b, float b_scale, const Affine& how,
         void* y, int threads) noexcept {
  const std::int64_t group = channels_per_word(planes.element);
  const ElementRows& rows = rows_for(planes.element);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (std::int64_t plane = 0; plane < planes.planes(); ++plane) {
    AffineRun run{};
    set_lanes(how, planes, plane * group, planes.zero_point, run);
    run.x = at(static_cast<const std::byte*>(a), plane * planes.stride);
    run.other = at(static_cast<const std::byte*>(b), plane * planes.stride);
    run.y = at(static_cast<std::byte*>(y), plane * planes.stride);
    run.other_scale = b_scale;
    run.elements = whole_words(planes) * group;
    run.low = how.low;
    run.high = how.high;
    rows.affine(run);
  }
  const std::int64_t filled = planes.planes() * group;
  if (filled != planes.channels && planes.element == Element::u8) {
    fill_last_word(planes, static_cast<std::byte*>(y));
  }
}

void global_average(const Planes& in, const void* x, float scale, const Planes& out, void* y,
                    int threads) noexcept {
  const ElementRows& rows = rows_for(in.element);
  const std::int64_t pixels = in.height * in.width;
  const float factor = scale / static_cast<float>(pixels);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (std::int64_t plane = 0; plane < in.planes(); ++plane) {
    for (std::int64_t image = 0; image < in.images; ++image) {
      float sums[4] = {};
      rows.sum(at(static_cast<const std::byte*>(x), plane * in.stride + image * pixels), pixels,
               static_cast<float>(in.zero_point), sums);
      rows.average({sums, &factor, static_cast<float>(out.zero_point),
                    at(static_cast<std::byte*>(y), plane * out.stride + image), 1, 1});
    }
  }
}

void load_planes(const Planes& planes, const float* nchw, float scale, void* out,
                 int threads) noexcept {
  const ElementRows& rows = rows_for(planes.element);
  const std::int64_t group = channels_per_word(planes.element);
  const std::int64_t pixels = planes.height * planes.width;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (std::int64_t plane = 0; plane < planes.planes(); ++plane) {
    for (std::int64_t image = 0; image < planes.images; ++image) {
      PackRow row{};
      for (std::int64_t lane = 0; lane < group; ++lane) {
        const std::int64_t channel = plane * group + lane;
        if (channel >= planes.channels) break;
        row.channels[lane] = nchw + (image * planes.channels + channel) * pixels;
      }
      row.y = at(static_cast<std::byte*>(out), plane * planes.stride + image * pixels);
      row.pixels = pixels;
      row.scale = scale;
      row.zero_point = static_cast<float>(planes.zero_point);
      rows.pack(row);
    }
  }
}

void flatten(const Planes& in, const void* x, const Planes& out, void* y) noexcept {
  const auto size = static_cast<std::size_t>(4 / channels_per_word(in.element));
  const std::int64_t pixels = in.height * in.width;
  const auto* from = static_cast<const std::byte*>(x);
  auto* to = static_cast<std::byte*>(y);
  for (std::int64_t image = 0; image < in.images; ++image) {
    for (std::int64_t channel = 0; channel < in.channels; ++channel) {
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
        std::memcpy(to + byte_offset(out, channel * pixels + pixel, image),
                    from + byte_offset(in, channel, image * pixels + pixel), size);
      }
    }
  }
  fill_last_word(out, to);
}

}  // namespace wbs::kernels
