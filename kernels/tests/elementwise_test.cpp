#include "kernels/elementwise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/rng.hpp"
#include "kernels/buffer.hpp"
#include "kernels/elementwise_loops.hpp"

namespace wbs::kernels {
namespace {

constexpr Element kElements[] = {Element::f32, Element::bf16, Element::u8};

/// Planes with values that every element type holds exactly.
struct Image {
  Planes planes;
  Buffer buffer;
  std::vector<float> nchw;

  explicit Image(const Planes& shape)
      : planes(shape), buffer(static_cast<std::size_t>(shape.size_bytes())) {
    nchw.resize(
        static_cast<std::size_t>(shape.images * shape.channels * shape.height * shape.width));
  }
  void fill(std::uint64_t seed) {
    Rng rng(seed);
    for (float& value : nchw) value = static_cast<float>(rng.below(101)) - 50.0F;
    std::memset(buffer.data(), 0x5a, buffer.size());
    to_planes(planes, nchw.data(), 1.0F, buffer.data());
  }
  [[nodiscard]] std::vector<float> read() const {
    std::vector<float> values(nchw.size());
    from_planes(planes, buffer.data(), 1.0F, values.data());
    return values;
  }
};

int zero_point(Element element) {
  return element == Element::u8 ? 128 : 0;
}

void expect_filled(const Image& image) {
  const std::int64_t group = channels_per_word(image.planes.element);
  if (image.planes.element != Element::u8) return;
  for (std::int64_t c = image.planes.channels; c < image.planes.planes() * group; ++c) {
    for (std::int64_t p = 0; p < image.planes.pixels(); ++p) {
      const std::byte value =
          image.buffer.data()[(c / group * image.planes.stride + p) * 4 + c % group];
      ASSERT_EQ(std::to_integer<int>(value), image.planes.zero_point);
    }
  }
}

float pooled(const Image& in, const Pool& pool, std::int64_t plane, std::int64_t oy,
             std::int64_t ox) {
  float largest = -std::numeric_limits<float>::infinity();
  double sum = 0;
  std::int64_t inside = 0;
  std::int64_t counted = 0;
  for (std::int64_t ky = 0; ky < pool.kernel[0]; ++ky) {
    for (std::int64_t kx = 0; kx < pool.kernel[1]; ++kx) {
      const std::int64_t y = oy * pool.stride[0] - pool.pad_top + ky * pool.dilation[0];
      const std::int64_t x = ox * pool.stride[1] - pool.pad_left + kx * pool.dilation[1];
      counted += static_cast<int>(y < in.planes.height + pool.pad_bottom &&
                                  x < in.planes.width + pool.pad_right);
      if (y < 0 || y >= in.planes.height || x < 0 || x >= in.planes.width) continue;
      const float value =
          in.nchw[static_cast<std::size_t>((plane * in.planes.height + y) * in.planes.width + x)];
      largest = std::max(largest, value);
      sum += value;
      ++inside;
    }
  }
  if (!pool.average) return largest;
  return static_cast<float>(sum / static_cast<double>(pool.count_include_pad ? counted : inside));
}

float tolerance(Element element, float value) {
  if (element == Element::u8) return 0.5001F;
  return (element == Element::bf16 ? 0x1p-8F : 1e-6F) * std::abs(value) + 1e-6F;
}

void check_pool(const Pool& pool, const Planes& in_planes, std::int64_t out_height,
                std::int64_t out_width, int threads) {
  Image in(in_planes);
  in.fill(3);
  Image out(planes_of(in_planes.element, in_planes.images, in_planes.channels, out_height,
                      out_width, in_planes.zero_point));
  Buffer scratch(
      static_cast<std::size_t>(pool_scratch_bytes(pool, in.planes, out.planes, threads)));
  kernels::pool(pool, in.planes, in.buffer.data(), out.planes, out.buffer.data(), scratch.data(),
                threads);
  const std::vector<float> got = out.read();
  std::size_t at = 0;
  for (std::int64_t plane = 0; plane < in_planes.images * in_planes.channels; ++plane) {
    for (std::int64_t oy = 0; oy < out_height; ++oy) {
      for (std::int64_t ox = 0; ox < out_width; ++ox, ++at) {
        const float expected = pooled(in, pool, plane, oy, ox);
        ASSERT_NEAR(got[at], expected, tolerance(in_planes.element, expected))
            << to_string(in_planes.element) << " plane " << plane << " at " << oy << ", " << ox;
      }
    }
  }
  expect_filled(out);
}

TEST(Elementwise, PoolsAreThoseOfEveryWindow) {
  for (const Element element : kElements) {
    for (const bool average : {false, true}) {
      const Planes in = planes_of(element, 2, 5, 9, 23, zero_point(element));
      check_pool({.average = average, .kernel = {2, 2}, .stride = {2, 2}}, in, 4, 11, 1);
      // Padding, and a last window that ceil mode adds.
      const Pool padded{.average = average,
                        .kernel = {3, 3},
                        .stride = {2, 2},
                        .dilation = {1, 1},
                        .pad_top = 1,
                        .pad_left = 1,
                        .pad_bottom = 1,
                        .pad_right = 1};
      check_pool(padded, in, 5, 12, 2);
      Pool counts = padded;
      counts.count_include_pad = true;
      check_pool(counts, in, 5, 12, 1);
      check_pool({.average = average, .kernel = {2, 2}, .stride = {2, 2}}, in, 5, 12, 1);
      check_pool(
          {.average = average, .kernel = {1, 3}, .stride = {1, 1}, .pad_left = 1, .pad_right = 1},
          in, 9, 23, 1);
    }
    check_pool({.kernel = {2, 2}, .stride = {1, 1}, .dilation = {2, 3}},
               planes_of(element, 1, 3, 7, 8, zero_point(element)), 5, 5, 1);
  }
}

TEST(Elementwise, GlobalAverageIsTheMeanOfEachChannel) {
  for (const Element element : kElements) {
    Image in(planes_of(element, 3, 6, 7, 5, zero_point(element)));
    in.fill(4);
    Image out(planes_of(element, 3, 6, 1, 1, zero_point(element)));
    global_average(in.planes, in.buffer.data(), 1.0F, out.planes, out.buffer.data(), 2);
    const std::vector<float> got = out.read();
    for (std::size_t i = 0; i < got.size(); ++i) {
      float sum = 0;
      for (std::size_t p = 0; p < 35; ++p) sum += in.nchw[i * 35 + p];
      ASSERT_NEAR(got[i], sum / 35.0F, tolerance(element, sum / 35.0F));
    }
    expect_filled(out);
  }
}

TEST(Elementwise, AffineWritesASliceOfChannelsAtAnyPlace) {
  for (const Element element : kElements) {
    for (const std::int64_t first : {0, 4, 3, 1}) {
      Image in(planes_of(element, 2, 5, 3, 7, zero_point(element)));
      in.fill(5);
      Image out(planes_of(element, 2, first + 5, 3, 7, zero_point(element)));
      out.fill(6);
      Affine how;
      how.scale.assign(5, 1.0F);
      how.bias.assign(5, 0.0F);
      how.bias[2] = 2.0F;
      how.low = static_cast<float>(zero_point(element));
      affine(in.planes, in.buffer.data(), how, out.planes, first, out.buffer.data(), 1);
      const std::vector<float> got = out.read();
      for (std::size_t n = 0; n < 2; ++n) {
        for (std::size_t c = 0; c < static_cast<std::size_t>(first) + 5; ++c) {
          for (std::size_t p = 0; p < 21; ++p) {
            const auto skipped = static_cast<std::size_t>(first);
            const std::size_t i = (n * (skipped + 5) + c) * 21 + p;
            float expected = out.nchw[i];
            if (c >= skipped) {
              expected = in.nchw[(n * 5 + c - skipped) * 21 + p] + (c - skipped == 2 ? 2.0F : 0.0F);
              expected = std::max(0.0F, expected);
            }
            ASSERT_EQ(got[i], expected) << to_string(element) << first;
          }
        }
      }
      expect_filled(out);
    }
  }
}

TEST(Elementwise, AddClipsTheSum) {
  for (const Element element : kElements) {
    Image a(planes_of(element, 1, 6, 5, 5, zero_point(element)));
    Image b(a.planes);
    a.fill(7);
    b.fill(8);
    Affine how;
    how.low = static_cast<float>(zero_point(element));
    how.high = how.low + 40.0F;
    how.bias.assign(6, -static_cast<float>(zero_point(element)));
    add(a.planes, a.buffer.data(), b.buffer.data(), 1.0F, how, a.buffer.data(), 2);
    const std::vector<float> got = a.read();
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i], std::clamp(a.nchw[i] + b.nchw[i], 0.0F, 40.0F));
    }
    expect_filled(a);
  }
}

TEST(Elementwise, LoadPlanesIsToPlanes) {
  for (const Element element : kElements) {
    for (const std::int64_t channels : {1, 3, 4, 7}) {
      const Planes planes = planes_of(element, 2, channels, 5, 9, zero_point(element));
      std::vector<float> nchw(static_cast<std::size_t>(2 * channels * 45));
      Rng rng(9);
      rng.fill_normal(nchw, 0.0F, 2.0F);
      nchw[0] = 1e9F;
      nchw[1] = 0.025F;  // a tie
      Buffer slow(static_cast<std::size_t>(planes.size_bytes()));
      Buffer fast(static_cast<std::size_t>(planes.size_bytes()));
      to_planes(planes, nchw.data(), 0.05F, slow.data());
      load_planes(planes, nchw.data(), 0.05F, fast.data(), 2);
      EXPECT_EQ(std::memcmp(slow.data(), fast.data(), slow.size()), 0) << to_string(element);
    }
  }
}

TEST(Elementwise, FlattenPutsChannelsSlowest) {
  for (const Element element : kElements) {
    Image in(planes_of(element, 3, 5, 2, 3, zero_point(element)));
    in.fill(10);
    Image out(planes_of(element, 3, 30, 1, 1, zero_point(element)));
    flatten(in.planes, in.buffer.data(), out.planes, out.buffer.data());
    EXPECT_EQ(out.read(), in.nchw);
    expect_filled(out);
  }
}

/// The bytes of the loops of one instruction set, over every one of them.
std::vector<std::byte> loop_bytes(const ElementRows& rows, int element) {
  std::vector<float> x(64);
  Rng rng(11);
  rng.fill_normal(x, 0.0F, 60.0F);
  std::vector<std::byte> bytes(16 * 4 + 16);
  rows.pack(
      {{x.data(), x.data() + 16, x.data() + 32, x.data() + 48}, bytes.data(), 16, 0.7F, 128.0F});
  AffineRun run{};
  run.x = bytes.data();
  run.y = bytes.data();
  run.elements = element == 2 ? 64 : element == 1 ? 32 : 16;
  for (float& scale : run.scale) scale = 1.37F;
  for (float& bias : run.bias) bias = -3.3F;
  run.low = -1e9F;
  run.high = 1e9F;
  rows.affine(run);
  float sums[4] = {};
  rows.sum(bytes.data(), 16, 3.0F, sums);
  std::memcpy(bytes.data() + 64, sums, 16);
  return bytes;
}

TEST(Elementwise, EveryInstructionSetGivesTheSameBits) {
  for (int element = 0; element < 3; ++element) {
    for (const ElementwiseLoops& loops : all_elementwise_loops()) {
      if (loops.refuse() != nullptr) continue;
      EXPECT_EQ(loop_bytes(loops.rows[element], element),
                loop_bytes(kGenericRows[element], element))
          << loops.name;
    }
  }
}

/// Rows of sums to two planes of outputs, the first one's channels partly constants.
std::vector<std::uint32_t> finished(const ElementRows& rows, int element, bool add,
                                    std::int64_t pixels) {
  constexpr std::int64_t kPlane = 64;
  const int group = element == 2 ? 4 : element == 1 ? 2 : 1;
  std::vector<float> sums(static_cast<std::size_t>((2 * group + 1) * kSumPitch));
  Rng(5).fill_normal(std::span(sums).first(sums.size() - kSumPitch), 0.0F, 40.0F);
  std::vector<std::uint32_t> y(2 * kPlane, 0x3c4d5e6fU);
  std::array<FinishWord, 2> words{};
  for (int w = 0; w < 2; ++w) {
    words[w].kept = w == 0 ? group / 2 : group;
    words[w].constant = 0x01020304U & (group == 4 ? 0xffff0000U : group == 2 ? 0xffff0000U : ~0U);
    for (int c = 0; c < group; ++c) {
      words[w].row[c] = c < words[w].kept ? w * group + c : 2 * group;
      words[w].shift[c] = c * (32 / group);
      words[w].scale[c] = 0.7F + 0.1F * static_cast<float>(c);
      words[w].bias[c] = 90.0F;
    }
  }
  FinishRun run{};
  run.words = words.data();
  run.count = 2;
  run.sums = sums.data();
  run.other = add ? y.data() : nullptr;
  run.y = y.data();
  run.plane_words = kPlane;
  run.pixels = pixels;
  run.other_scale = 0.25F;
  run.low = 64.0F;
  run.high = 200.0F;
  rows.finish(run);
  return y;
}

TEST(Elementwise, FinishedSumsAreTheSameBitsAndNoMoreThanAsked) {
  for (int element = 0; element < 3; ++element) {
    for (const bool add : {false, true}) {
      for (const std::int64_t pixels : {1, 15, 16, 49, 64}) {
        const std::vector<std::uint32_t> expected =
            finished(kGenericRows[element], element, add, pixels);
        for (std::int64_t i = 0; i < 128; ++i) {
          const bool written = expected[static_cast<std::size_t>(i)] != 0x3c4d5e6fU;
          ASSERT_EQ(written, i % 64 < pixels) << element << " " << pixels << " " << i;
        }
        for (const ElementwiseLoops& loops : all_elementwise_loops()) {
          if (loops.refuse() != nullptr) continue;
          EXPECT_EQ(finished(loops.rows[element], element, add, pixels), expected) << loops.name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace wbs::kernels
