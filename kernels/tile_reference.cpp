// The tile kernels in plain C++: what every other implementation must equal, and what runs where
// none of them can.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/element.hpp"
#include "kernels/tile_kernels.hpp"

namespace wbs::kernels {
namespace {

std::uint32_t read_word(const unsigned char* from) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, from, 4);
  return word;
}

/// How one element type multiplies words and how its values are stored.
struct F32 {
  using Sum = float;
  static constexpr int kGroup = 1;
  static Sum begin(std::int32_t start) noexcept { return std::bit_cast<float>(start); }
  static Sum dot(Sum sum, std::uint32_t x, std::uint32_t w) noexcept {
    return std::fma(std::bit_cast<float>(x), std::bit_cast<float>(w), sum);
  }
  static float get(std::uint32_t word, int /*position*/) noexcept {
    return std::bit_cast<float>(word);
  }
  static std::uint32_t put(float y, int /*position*/) noexcept {
    return std::bit_cast<std::uint32_t>(y);
  }
};

struct Bf16 {
  using Sum = float;
  static constexpr int kGroup = 2;
  static Sum begin(std::int32_t start) noexcept { return std::bit_cast<float>(start); }
  static float get(std::uint32_t word, int position) noexcept {
    return from_bf16(static_cast<std::uint16_t>(word >> (16 * position)));
  }
  static Sum dot(Sum sum, std::uint32_t x, std::uint32_t w) noexcept {
    sum = std::fma(get(x, 1), get(w, 1), sum);
    return std::fma(get(x, 0), get(w, 0), sum);
  }
  static std::uint32_t put(float y, int position) noexcept {
    return static_cast<std::uint32_t>(to_bf16(y)) << (16 * position);
  }
};

struct U8 {
  using Sum = std::int32_t;
  static constexpr int kGroup = 4;
  static Sum begin(std::int32_t start) noexcept { return start; }
  static Sum dot(Sum sum, std::uint32_t x, std::uint32_t w) noexcept {
    for (int i = 0; i < 4; ++i) {
      const auto weight = static_cast<std::int8_t>(w >> (8 * i));
      sum += static_cast<std::int32_t>(x >> (8 * i) & 255U) * weight;
    }
    return sum;
  }
  static float get(std::uint32_t word, int position) noexcept {
    return static_cast<float>(word >> (8 * position) & 255U);
  }
  static std::uint32_t put(float y, int position) noexcept {
    return static_cast<std::uint32_t>(std::nearbyint(y)) << (8 * position);
  }
};

struct Pixel {
  int index;  ///< in the tile
  int mask_bit;
};

/// The input word of (tap, plane, pixel).
std::uint32_t input_word(const TileArgs& args, int tap, std::int64_t plane, Pixel pixel) noexcept {
  if ((args.tap_mask[tap] >> pixel.mask_bit & 1U) == 0) return args.fill;
  return read_word(args.input + plane * args.input_plane_bytes + args.tap_offset[tap] +
                   std::int64_t{4} * pixel.index);
}

template <class T>
typename T::Sum panel_sum(const TileArgs& args, int panel, int panel_rows, int row,
                          Pixel pixel) noexcept {
  typename T::Sum sum = T::begin(args.start[panel * panel_rows + row]);
  const unsigned char* weight = args.weights + 4 * args.word_begin[panel] + std::int64_t{4} * row;
  const std::uint32_t* begin = args.run_begin + static_cast<std::int64_t>(panel) * args.taps;
  for (int tap = 0; tap < args.taps; ++tap) {
    for (std::uint32_t run = begin[tap]; run < begin[tap + 1]; ++run) {
      const TileRun& planes = args.runs[run];
      for (std::int64_t k = 0; k < planes.words; ++k, weight += std::int64_t{4} * panel_rows) {
        sum = T::dot(sum, input_word(args, tap, planes.first_plane + k, pixel), read_word(weight));
      }
    }
  }
  return sum;
}

template <class T>
typename T::Sum row_sum(const TileArgs& args, int panel, int row, Pixel pixel) noexcept {
  constexpr int kRows = 4;
  typename T::Sum sum = T::begin(args.start[panel * kRows + row]);
  const std::uint32_t* begin =
      args.run_begin + (static_cast<std::int64_t>(panel) * kRows + row) * args.taps;
  for (int tap = 0; tap < args.taps; ++tap) {
    for (std::int64_t k = begin[tap]; k < begin[tap + 1]; ++k) {
      sum = T::dot(sum, input_word(args, tap, args.planes[k], pixel),
                   read_word(args.weights + 4 * k));
    }
  }
  return sum;
}

/// The sum of output channel `channel` becomes its value and is put into its word.
template <class T, class Stored>
void finish(const TileArgs& args, int channel, typename T::Sum sum, Pixel pixel) noexcept {
  const std::int64_t place = channel / Stored::kGroup * args.output_plane_bytes + 4 * pixel.index;
  const int position = channel % Stored::kGroup;
  auto y = static_cast<float>(sum);
  if (args.scaled) y = std::fma(y, args.scale[channel], args.bias[channel]);
  // The word's other channels are written before or after; the residual may be the output itself.
  if (args.residual != nullptr) {
    y = std::fma(Stored::get(read_word(args.residual + place), position), args.residual_scale, y);
  }
  if (!std::isnan(y)) y = std::min(std::max(y, args.low), args.high);
  constexpr std::uint32_t kField =
      static_cast<std::uint32_t>((std::uint64_t{1} << (32 / Stored::kGroup)) - 1);
  const std::uint32_t cleared =
      read_word(args.output + place) & ~(kField << (32 / Stored::kGroup * position));
  const std::uint32_t word = cleared | Stored::put(y, position);
  std::memcpy(args.output + place, &word, 4);
}

template <class T, Packing kPacking>
void tile(const TileArgs& args) noexcept {
  const int panel_rows = kPacking == Packing::panel8 ? 8 : 4;
  const int vector_pixels = kVectorPixels * args.vectors;
  const int group = args.output_type == TileOutput::f32 ? 1 : T::kGroup;
  const int channels = (args.out_channels + group - 1) / group * group;
  for (int panel = args.panel_begin; panel < args.panel_end; ++panel) {
    for (int row = 0; row < panel_rows && panel * panel_rows + row < channels; ++row) {
      for (int i = 0; i < vector_pixels + args.tail; ++i) {
        const Pixel pixel{i, i < vector_pixels ? i : kTailBit};
        if ((args.store_mask >> pixel.mask_bit & 1U) == 0) continue;
        const typename T::Sum sum = kPacking == Packing::rows
                                        ? row_sum<T>(args, panel, row, pixel)
                                        : panel_sum<T>(args, panel, panel_rows, row, pixel);
        const int channel = panel * panel_rows + row;
        if (args.output_type == TileOutput::f32) {
          finish<T, F32>(args, channel, sum, pixel);
        } else {
          finish<T, T>(args, channel, sum, pixel);
        }
      }
    }
  }
}

template <class T>
TileFunction select(Packing packing) noexcept {
  switch (packing) {
    case Packing::panel8:
      return tile<T, Packing::panel8>;
    case Packing::panel4:
      return tile<T, Packing::panel4>;
    case Packing::rows:
      return tile<T, Packing::rows>;
    case Packing::blocks:
    case Packing::pairs4:
    case Packing::pairs8:
      break;
  }
  return nullptr;
}

}  // namespace

TileFunction tile_reference(TileOutput element, Packing packing) noexcept {
  switch (element) {
    case TileOutput::f32:
      return select<F32>(packing);
    case TileOutput::bf16:
      return select<Bf16>(packing);
    case TileOutput::u8:
      return select<U8>(packing);
  }
  return nullptr;
}

void every_second_reference(const std::uint32_t* from, std::uint32_t* to,
                            std::int64_t count) noexcept {
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[2 * i];
}

}  // namespace wbs::kernels
