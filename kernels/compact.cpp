#include "kernels/compact.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

namespace wbs::kernels {
namespace {

constexpr std::int32_t kPanel = 8;

/// Which output channels the mask keeps; nothing when it keeps a part of one.
std::optional<std::vector<char>> kept_outputs(const sparsity::Mask& mask) {
  if (mask.granularity().rows != 1) return std::nullopt;
  std::vector<char> kept;
  for (std::int64_t out = 0; out < mask.cell_rows(); ++out) {
    kept.push_back(static_cast<char>(mask.kept(out, 0)));
    for (std::int64_t cell = 1; cell < mask.cell_cols(); ++cell) {
      if (mask.kept(out, cell) != (kept.back() != 0)) return std::nullopt;
    }
  }
  return kept;
}

/// The words of an output whose channels are `kept` or constants; rows count from 0 in each group.
class Grouping {
 public:
  Grouping(Element output, std::int32_t most_rows)
      : word_channels_(static_cast<std::int32_t>(channels_per_word(output))),
        most_rows_(most_rows) {}

  /// The next word's channels are [first, first + word_channels_).
  void add_word(std::int32_t first, const std::vector<char>& kept) {
    const std::int32_t last =
        std::min(first + word_channels_, static_cast<std::int32_t>(kept.size()));
    const auto rows =
        static_cast<std::int32_t>(std::count(kept.begin() + first, kept.begin() + last, char{1}));
    if (made_.groups.empty() || used_ + rows > most_rows_) begin_group();
    FinishWord word{};
    std::int32_t idle = rows;
    for (std::int32_t channel = first; channel < first + word_channels_; ++channel) {
      const bool computed = channel < last && kept[static_cast<std::size_t>(channel)] != 0;
      const std::int32_t place = computed ? word.kept++ : idle++;
      word.row[place] = computed ? used_++ : kMostSumRows;
      word.shift[place] = (channel - first) * (32 / word_channels_);
      if (computed) made_.channels.push_back(channel);
    }
    made_.words.push_back(word);
    ++made_.groups.back().words;
  }

  CompactOutputs finished() {
    end_group();
    return std::move(made_);
  }

 private:
  void begin_group() {
    end_group();
    made_.groups.push_back({static_cast<std::int32_t>(made_.channels.size()), 0,
                            static_cast<std::int32_t>(made_.words.size()), 0});
    used_ = 0;
  }
  void end_group() {
    if (made_.groups.empty()) return;
    made_.channels.resize((made_.channels.size() + kPanel - 1) / kPanel * kPanel, -1);
    made_.groups.back().rows =
        static_cast<std::int32_t>(made_.channels.size()) - made_.groups.back().first_row;
  }

  std::int32_t word_channels_;
  std::int32_t most_rows_;
  std::int32_t used_ = 0;  // rows of the last group
  CompactOutputs made_;
};

/// A value as its channel's bits in a word.
std::uint32_t stored_bits(Element element, float value) noexcept {
  switch (element) {
    case Element::f32:
      return std::bit_cast<std::uint32_t>(value);
    case Element::bf16:
      return to_bf16(value);
    case Element::u8:
      break;
  }
  return static_cast<std::uint32_t>(std::nearbyint(std::clamp(value, 0.0F, 255.0F)));
}

/// Planes to prefetch, three lines of each.
struct Lines {
  const unsigned char* place;
  std::int64_t plane_bytes;
  std::int32_t planes;

  /// The first of `panels` equal shares, which goes away from here.
  Lines take_share(std::int32_t panels) noexcept {
    const Lines share{place, plane_bytes, (planes + panels - 1) / panels};
    if (share.planes > 0) place += share.planes * plane_bytes;
    planes -= share.planes;
    return share;
  }
  void prefetch() const noexcept {
    const unsigned char* line = place;
    for (std::int32_t i = 0; i < planes; ++i, line += plane_bytes) {
      __builtin_prefetch(line, 1);
      __builtin_prefetch(line + 64, 1);
      __builtin_prefetch(line + 128, 1);
    }
  }
};

}  // namespace

std::optional<CompactOutputs> compact_outputs(const ConvLayer& layer, std::int32_t most_rows) {
  if (layer.mask == nullptr || layer.shape.groups != 1) return std::nullopt;
  const std::optional<std::vector<char>> kept = kept_outputs(*layer.mask);
  if (!kept || std::find(kept->begin(), kept->end(), char{0}) == kept->end()) return std::nullopt;
  Grouping grouping(layer.epilogue.output, most_rows);
  const auto step = static_cast<std::int32_t>(channels_per_word(layer.epilogue.output));
  for (std::int32_t first = 0; first < layer.shape.out_channels; first += step) {
    grouping.add_word(first, *kept);
  }
  return grouping.finished();
}

Tensor compact_weights(const ConvLayer& layer, const CompactOutputs& outputs) {
  const ConvShape& shape = layer.shape;
  Tensor rows({static_cast<std::int64_t>(outputs.channels.size()), shape.in_channels,
               shape.kernel[0], shape.kernel[1]});
  const std::int64_t size = shape.in_channels * shape.taps();
  auto to = rows.values.begin();
  for (const std::int32_t channel : outputs.channels) {
    if (channel >= 0) std::copy_n(layer.weights->values.begin() + channel * size, size, to);
    to += size;
  }
  return rows;
}

double compact_cost(const ConvLayer& layer) {
  const std::optional<CompactOutputs> outputs = compact_outputs(layer);
  if (!outputs) return std::numeric_limits<double>::infinity();
  // A plane of a tile takes 12 to 15 cycles to write, 8 words' time (Xeon with two products per
  // cycle, 2026-11).
  constexpr double kPerOutput = 8.0;
  const std::int64_t group = channels_per_word(layer.element);
  const std::int64_t planes = (layer.shape.in_channels + group - 1) / group;
  const auto rows = static_cast<std::int64_t>(outputs->channels.size());
  return static_cast<double>(rows * planes * layer.shape.taps()) +
         kPerOutput * static_cast<double>(layer.shape.out_channels);
}

void set_epilogue(const ChannelEpilogue& epilogue, Element output, CompactOutputs& outputs) {
  const std::int64_t step = channels_per_word(output);
  std::int64_t first = 0;
  for (FinishWord& word : outputs.words) {
    for (std::int64_t i = 0; i < step; ++i) {
      const auto channel = static_cast<std::size_t>(first + word.shift[i] * step / 32);
      const bool kept = i < word.kept;
      // Without scales a kept sum has its bias already; adding -0 changes no bit.
      word.scale[i] = epilogue.scaled ? epilogue.scale[channel] : 1.0F;
      word.bias[i] = epilogue.scaled || !kept ? epilogue.bias[channel] : -0.0F;
      if (kept) continue;
      const float value = word.bias[i] < epilogue.low ? epilogue.low : word.bias[i];
      word.constant |= stored_bits(output, value > epilogue.high ? epilogue.high : value)
                       << word.shift[i];
    }
    first += step;
  }
}

void run_compact_group(const CompactTile& kernels, const CompactOutputs& outputs,
                       const CompactGroup& group, TileArgs args) noexcept {
  // The last row is the zeros of channels without sums; the others the tile kernel writes.
  constexpr std::size_t kPitch = kSumPitch;
  alignas(64) std::array<float, (std::size_t{kMostSumRows} + 1) * kPitch> sums;
  std::fill(sums.end() - kSumPitch, sums.end(), 0.0F);
  FinishRun run{};
  run.words = outputs.words.data() + group.first_word;
  run.count = group.words;
  run.sums = sums.data();
  run.plane_words = args.output_plane_bytes / 4;
  run.pixels = std::popcount(args.store_mask);
  run.other_scale = args.residual_scale;
  run.low = args.low;
  run.high = args.high;
  const std::int64_t place = group.first_word * args.output_plane_bytes;
  run.y = args.output + place;
  run.other = args.residual == nullptr ? nullptr : args.residual + place;

  // Panel by panel, each with its share of the lines to prefetch.
  const std::int32_t panels = group.rows / kPanel;
  Lines inputs{args.next_input, args.input_plane_bytes, args.prefetch_planes};
  Lines outputs_to_write{args.output + place, args.output_plane_bytes,
                         args.prefetch_output ? group.words : 0};
  args.scaled = false;
  args.clip = TileClip::none;
  args.low = -std::numeric_limits<float>::infinity();
  args.high = std::numeric_limits<float>::infinity();
  args.residual = nullptr;
  args.output_type = TileOutput::f32;
  args.out_channels = kPanel;
  args.output_plane_bytes = kSumPitch * sizeof(float);
  args.prefetch_output = false;
  args.start += group.first_row;
  args.word_begin += group.first_row / kPanel;
  args.run_begin += std::int64_t{group.first_row / kPanel} * args.taps;
  args.panel_begin = 0;
  args.panel_end = 1;
  for (std::int32_t panel = 0; panel < panels; ++panel) {
    args.output =
        reinterpret_cast<unsigned char*>(sums.data() + std::int64_t{panel} * kPanel * kSumPitch);
    outputs_to_write.take_share(panels - panel).prefetch();
    const Lines inputs_to_come = inputs.take_share(panels - panel);
    args.next_input = inputs_to_come.place;
    args.prefetch_planes = inputs_to_come.planes;
    const auto runs = static_cast<std::int32_t>(args.run_begin[args.taps] - args.run_begin[0]);
    args.prefetch_per_run = args.prefetch_planes / std::max(runs, 1) + 1;
    kernels.tile(args);
    args.start += kPanel;
    ++args.word_begin;
    args.run_begin += args.taps;
  }
  kernels.finish(run);
}

}  // namespace wbs::kernels
