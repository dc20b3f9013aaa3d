#include "kernels/pack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.hpp"
#include "kernels/compact.hpp"

namespace wbs::kernels {
namespace {

/// The layer's weights as (output channel, input channel, tap), groups resolved.
class WeightView {
 public:
  explicit WeightView(const ConvLayer& layer)
      : layer_(layer),
        group_in_(layer.shape.in_channels / layer.shape.groups),
        group_out_(layer.shape.out_channels / layer.shape.groups),
        taps_(layer.shape.taps()) {}

  [[nodiscard]] float value(std::int64_t out, std::int64_t in, std::int64_t tap) const noexcept {
    const std::int64_t column = column_of(out, in);
    if (column < 0) return 0.0F;
    return layer_.weights
        ->values[static_cast<std::size_t>((out * group_in_ + column) * taps_ + tap)];
  }

 private:
  [[nodiscard]] std::int64_t column_of(std::int64_t out, std::int64_t in) const noexcept {
    if (out >= layer_.shape.out_channels || in >= layer_.shape.in_channels) return -1;
    const std::int64_t column = in - out / group_out_ * group_in_;
    return column >= 0 && column < group_in_ ? column : -1;
  }

  const ConvLayer& layer_;
  std::int64_t group_in_;
  std::int64_t group_out_;
  std::int64_t taps_;
};

/// One word: the weights of `out` for the channels of `plane`.
std::uint32_t word_of(const WeightView& view, Element element, std::int64_t out, std::int64_t plane,
                      std::int64_t tap) noexcept {
  const std::int64_t group = channels_per_word(element);
  const int bits = static_cast<int>(32 / group);
  std::uint32_t word = 0;
  for (std::int64_t i = 0; i < group; ++i) {
    const float weight = view.value(out, plane * group + i, tap);
    const std::uint32_t field = element == Element::f32 ? std::bit_cast<std::uint32_t>(weight)
                                : element == Element::bf16
                                    ? to_bf16(weight)
                                    : static_cast<std::uint8_t>(static_cast<int>(weight));
    word |= field << (bits * static_cast<int>(i));
  }
  return word;
}

std::int64_t plane_count(const ConvLayer& layer) noexcept {
  const std::int64_t group = channels_per_word(layer.element);
  return (layer.shape.in_channels + group - 1) / group;
}

/// Marks planes of tap `tap` (of all taps when it is negative) that input channels [first, last)
/// lie in.
void mark(const ConvLayer& layer, std::int64_t first, std::int64_t last, std::int64_t tap,
          std::vector<char>& kept) {
  const std::int64_t group = channels_per_word(layer.element);
  const std::int64_t planes = plane_count(layer);
  const std::int64_t tap_begin = tap < 0 ? 0 : tap;
  const std::int64_t tap_end = tap < 0 ? layer.shape.taps() : tap + 1;
  for (std::int64_t t = tap_begin; t < tap_end; ++t) {
    const auto begin = kept.begin() + t * planes;
    std::fill(begin + first / group, begin + (last + group - 1) / group, char{1});
  }
}

/// Marks the planes that one output channel keeps, mask cell by mask cell.
void mark_output(const ConvLayer& layer, std::int64_t out, std::vector<char>& kept) {
  const std::int64_t channels = layer.shape.in_channels / layer.shape.groups;
  const std::int64_t base = out / (layer.shape.out_channels / layer.shape.groups) * channels;
  if (layer.mask == nullptr) {
    mark(layer, base, base + channels, -1, kept);
    return;
  }
  const sparsity::Granularity cell = layer.mask->granularity();
  for (std::int64_t column = 0; column < channels; column += cell.cols) {
    const std::int64_t last = std::min(column + cell.cols, channels);
    for (std::int64_t tap = 0; tap < (cell.per_tap ? layer.shape.taps() : 1); ++tap) {
      if (!layer.mask->kept_weight(out, column, tap)) continue;
      mark(layer, base + column, base + last, cell.per_tap ? tap : -1, kept);
    }
  }
}

/// Which planes the output channels [first, first + rows) keep, per tap: kept[tap * planes + p].
void kept_planes(const ConvLayer& layer, std::int64_t first, std::int64_t rows,
                 std::vector<char>& kept) {
  std::fill(kept.begin(), kept.end(), char{0});
  const std::int64_t last = std::min(first + rows, layer.shape.out_channels);
  const std::int64_t group_out = layer.shape.out_channels / layer.shape.groups;
  const std::int64_t cell_rows = layer.mask == nullptr ? rows : layer.mask->granularity().rows;
  for (std::int64_t out = first; out < last; ++out) {
    const bool like_last = out > first && out / cell_rows == (out - 1) / cell_rows &&
                           out / group_out == (out - 1) / group_out;
    if (!like_last) mark_output(layer, out, kept);
  }
}

/// Words that a packing with `rows` channels per list has.
std::int64_t words_with(const ConvLayer& layer, std::int64_t rows) {
  std::vector<char> kept(static_cast<std::size_t>(layer.shape.taps() * plane_count(layer)));
  std::int64_t words = 0;
  for (std::int64_t first = 0; first < layer.shape.out_channels; first += rows) {
    kept_planes(layer, first, rows, kept);
    words += rows * std::count(kept.begin(), kept.end(), char{1});
  }
  return words;
}

/// Runs end with their block: loops of one length are predicted, those of random length are not.
/// Dense weights have runs of 8 planes, between which the kernels prefetch.
std::int64_t longest_run(const ConvLayer& layer) {
  const std::int64_t planes = plane_count(layer);
  if (layer.mask == nullptr || layer.mask->granularity().per_tap) return 8;
  const std::int64_t block = layer.mask->granularity().cols / channels_per_word(layer.element);
  return std::clamp<std::int64_t>(block, 1, planes);
}

void pack_panel(const WeightView& view, const ConvLayer& layer, std::int64_t panel,
                std::vector<char>& kept, PackedWeights& packed, std::vector<std::uint32_t>& words) {
  const std::int64_t rows = packed.panel_rows();
  const std::int64_t planes = plane_count(layer);
  const std::int64_t longest = longest_run(layer);
  kept_planes(layer, panel * rows, rows, kept);
  packed.word_begin.push_back(words.size());
  for (std::int64_t tap = 0; tap < layer.shape.taps(); ++tap) {
    bool in_run = false;
    for (std::int64_t plane = 0; plane < planes; ++plane) {
      if (kept[static_cast<std::size_t>(tap * planes + plane)] == 0) {
        in_run = false;
        continue;
      }
      if (!in_run || plane % longest == 0) {
        packed.runs.push_back({static_cast<std::int32_t>(plane), 0});
      }
      in_run = true;
      ++packed.runs.back().words;
      for (std::int64_t row = 0; row < rows; ++row) {
        words.push_back(word_of(view, layer.element, panel * rows + row, plane, tap));
      }
    }
    packed.run_begin.push_back(static_cast<std::uint32_t>(packed.runs.size()));
  }
}

void pack_rows(const WeightView& view, const ConvLayer& layer, std::int64_t out,
               std::vector<char>& kept, PackedWeights& packed, std::vector<std::uint32_t>& words) {
  const std::int64_t planes = plane_count(layer);
  kept_planes(layer, out, 1, kept);
  for (std::int64_t tap = 0; tap < layer.shape.taps(); ++tap) {
    for (std::int64_t plane = 0; plane < planes; ++plane) {
      if (kept[static_cast<std::size_t>(tap * planes + plane)] == 0) continue;
      packed.planes.push_back(static_cast<std::int32_t>(plane));
      words.push_back(word_of(view, layer.element, out, plane, tap));
    }
    packed.run_begin.push_back(static_cast<std::uint32_t>(packed.planes.size()));
  }
}

std::string place_of(const ConvLayer& layer, std::int64_t out, std::int64_t in, std::int64_t tap) {
  std::string place = fmt::format("output {}, input {}, tap {}", out, in, tap);
  if (layer.mask != nullptr && !layer.mask->granularity().per_tap) {
    const sparsity::Granularity cell = layer.mask->granularity();
    place += fmt::format(" (block row {}, block column {} of {}x{} blocks)", out / cell.rows,
                         in / cell.cols, cell.rows, cell.cols);
  }
  return place;
}

}  // namespace

std::int64_t PackedWeights::size_bytes() const noexcept {
  const std::int64_t word_bytes = has_listed_words(packing) ? sizeof(ListedWord) : 4;
  return word_count * word_bytes +
         static_cast<std::int64_t>(
             word_begin.size() * sizeof(std::uint64_t) + run_begin.size() * sizeof(std::uint32_t) +
             runs.size() * sizeof(TileRun) + planes.size() * sizeof(std::int32_t));
}

void check_weights(const ConvLayer& layer) {
  const Shape expected = layer.shape.weight_shape();
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::input, fmt::format("layer {}: {}", layer.name, what));
  };
  const Shape& shape = layer.weights->shape;
  const bool matrix = shape.size() == 2 && layer.shape.taps() == 1 && shape[0] == expected[0] &&
                      shape[1] == expected[1];
  if (shape != expected && !matrix) {
    fail(fmt::format("the weights are {}, expected {}", wbs::to_string(shape),
                     wbs::to_string(expected)));
  }
  if (layer.mask != nullptr && layer.mask->shape() != shape) {
    fail(fmt::format("the mask is for weights of {}, but they are {}",
                     wbs::to_string(layer.mask->shape()), wbs::to_string(shape)));
  }
  const std::int64_t taps = layer.shape.taps();
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(layer.weights->values.size()); ++k) {
    const float value = layer.weights->values[static_cast<std::size_t>(k)];
    const std::int64_t tap = k % taps;
    const std::int64_t in = k / taps % expected[1];
    const std::int64_t out = k / taps / expected[1];
    const float stored = layer.element == Element::bf16 ? from_bf16(to_bf16(value)) : value;
    if (!std::isfinite(stored)) {
      fail(fmt::format("the weight at {} is {}, not finite as {}", place_of(layer, out, in, tap),
                       value, to_string(layer.element)));
    }
    if (layer.mask != nullptr && value != 0.0F && !layer.mask->kept_weight(out, in, tap)) {
      fail(fmt::format("the weight at {} is {} but the mask prunes it",
                       place_of(layer, out, in, tap), value));
    }
    if (layer.element == Element::u8 &&
        (value != std::nearbyint(value) || value < -128.0F || value > 127.0F)) {
      fail(fmt::format("the weight at {} is {}, expected an integer from -128 to 127",
                       place_of(layer, out, in, tap), value));
    }
  }
}

namespace {

/// Words by block, output channel and plane: the same ones as in the row form.
void pack_blocks(const ConvLayer& layer, PackedWeights& packed, std::vector<ListedWord>& words) {
  const WeightView view(layer);
  const std::int64_t planes = plane_count(layer);
  const std::int64_t rows = std::int64_t{packed.panels} * packed.panel_rows();
  std::vector<std::vector<char>> kept(
      static_cast<std::size_t>(rows),
      std::vector<char>(static_cast<std::size_t>(layer.shape.taps() * planes)));
  for (std::int64_t out = 0; out < rows; ++out) {
    kept_planes(layer, out, 1, kept[static_cast<std::size_t>(out)]);
  }
  packed.run_begin.push_back(0);
  for (std::int64_t tap = 0; tap < layer.shape.taps(); ++tap) {
    for (std::int64_t first = 0; first < planes; first += kBlockPlanes) {
      const std::int64_t last = std::min<std::int64_t>(first + kBlockPlanes, planes);
      for (std::int64_t out = 0; out < rows; ++out) {
        for (std::int64_t plane = first; plane < last; ++plane) {
          const auto place = static_cast<std::size_t>(tap * planes + plane);
          if (kept[static_cast<std::size_t>(out)][place] == 0) continue;
          words.push_back({static_cast<std::uint32_t>((plane - first) * kBlockPitch),
                           word_of(view, layer.element, out, plane, tap)});
        }
        packed.run_begin.push_back(static_cast<std::uint32_t>(words.size()));
      }
    }
  }
}

/// Time of the row form in blocks, in panel words per output pixel: words, lists (whose sums are
/// loaded and stored) and copied planes. Measured on Zen 4.
double block_cost(const ConvLayer& layer, std::int64_t words) {
  const std::int64_t planes = plane_count(layer);
  const std::int64_t rows = layer.shape.out_channels;
  const std::int64_t blocks = (planes + kBlockPlanes - 1) / kBlockPlanes * layer.shape.taps();
  const std::int64_t copies = planes * layer.shape.taps() * ((rows + 255) / 256);
  return 1.31 * static_cast<double>(words) + 3.5 * static_cast<double>(blocks * rows) +
         3.0 * static_cast<double>(copies);
}

}  // namespace

PackingChoice cheapest_packing(const ConvLayer& layer, const PackingChoices& choices) {
  // Relative time of one word per pixel, measured on AVX-512: rows reload their input per output.
  struct Form {
    Packing packing;
    std::int64_t rows;
    double cost;
  };
  constexpr std::array<Form, 3> kForms{
      {{Packing::panel8, 8, 1.0}, {Packing::panel4, 4, 1.1}, {Packing::rows, 1, 1.5}}};
  Packing best = Packing::panel8;
  double lowest = 0.0;
  for (const Form& form : kForms) {
    double cost = static_cast<double>(words_with(layer, form.rows)) * form.cost;
    // A row's planes come from beyond the first-level cache when there are many.
    if (form.packing == Packing::rows && plane_count(layer) * layer.shape.taps() > kBlockPlanes) {
      cost *= 1.5;
    }
    if (form.packing == Packing::panel8 || cost < lowest) {
      best = form.packing;
      lowest = cost;
    }
    // Without a mask or groups no other form has fewer words.
    if (layer.mask == nullptr && layer.shape.groups == 1 && layer.shape.out_channels >= 8) break;
  }
  if (choices.blocks && layer.mask != nullptr) {
    const double cost = block_cost(layer, words_with(layer, 1));
    if (cost < lowest) {
      best = Packing::blocks;
      lowest = cost;
    }
  }
  if (choices.pairs && layer.mask != nullptr) {
    for (const Packing packing : {Packing::pairs4, Packing::pairs8}) {
      const double cost = pair_cost(layer, packing);
      if (cost < lowest) {
        best = packing;
        lowest = cost;
      }
    }
  }
  if (choices.compact) {
    const double cost = compact_cost(layer);
    if (cost < lowest) return {Packing::panel8, true, cost};
  }
  return {best, false, lowest};
}

Packing choose_packing(const ConvLayer& layer, const PackingChoices& choices) {
  return cheapest_packing(layer, choices).packing;
}

PackedWeights pack_weights(const ConvLayer& layer, Packing packing) {
  PackedWeights packed;
  packed.packing = packing;
  const std::int64_t rows = packed.panel_rows();
  packed.panels = static_cast<std::int32_t>((layer.shape.out_channels + rows - 1) / rows);
  if (has_listed_words(packing)) {
    std::vector<ListedWord> units;
    if (is_pair_form(packing)) {
      pack_pairs(layer, packed, units);
    } else {
      pack_blocks(layer, packed, units);
    }
    packed.word_count = static_cast<std::int64_t>(units.size());
    packed.words = Buffer(units.size() * sizeof(ListedWord));
    if (!units.empty()) {
      std::memcpy(packed.words.data(), units.data(), units.size() * sizeof(ListedWord));
    }
    return packed;
  }
  const WeightView view(layer);
  std::vector<char> kept(static_cast<std::size_t>(layer.shape.taps() * plane_count(layer)));
  std::vector<std::uint32_t> words;
  packed.run_begin.push_back(0);
  for (std::int64_t panel = 0; panel < packed.panels; ++panel) {
    if (packing != Packing::rows) {
      pack_panel(view, layer, panel, kept, packed, words);
      continue;
    }
    packed.word_begin.push_back(words.size());
    for (std::int64_t row = 0; row < rows; ++row) {
      pack_rows(view, layer, panel * rows + row, kept, packed, words);
    }
  }
  packed.word_count = static_cast<std::int64_t>(words.size());
  // Tail kernels read up to 8 words from the last ones on.
  packed.words = Buffer((words.size() + 16) * 4);
  if (!words.empty()) std::memcpy(packed.words.data(), words.data(), words.size() * 4);
  return packed;
}

}  // namespace wbs::kernels
