#include "compiler/core_tile.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "core/error.hpp"

namespace wbs::compiler {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
std::int64_t round_up(std::int64_t a, std::int64_t unit) {
  return ceil_div(a, unit) * unit;
}

/// `n` (a multiple of `block`) and its divisors that are multiples of `block`, descending.
std::vector<std::int64_t> block_divisors(std::int64_t n, std::int64_t block) {
  std::vector<std::int64_t> found;
  const std::int64_t blocks = n / block;
  for (std::int64_t parts = 1; parts <= blocks; ++parts)
    if (blocks % parts == 0) found.push_back(blocks / parts * block);
  return found;
}

/// The largest piece of `n` channels that `fits`: a divisor, unless the largest that fits is less
/// than a quarter of what an uneven cut could take (sizes with a large prime factor). 0 when not
/// even one block fits.
template <typename Fits>
std::int64_t largest_piece(std::int64_t n, std::int64_t block, const Fits& fits) {
  std::int64_t divisor = 0;
  for (const std::int64_t piece : block_divisors(n, block)) {
    if (fits(piece)) {
      divisor = piece;
      break;
    }
  }
  if (divisor == 0 || divisor == n) return divisor;
  std::int64_t parts = 2;
  while (!fits(round_up(ceil_div(n, parts), block))) ++parts;
  const std::int64_t uneven = round_up(ceil_div(n, parts), block);
  return 4 * divisor >= uneven ? divisor : uneven;
}

class Chooser {
 public:
  Chooser(const Layer& layer, const ArrayShape& array, const CoreLimits& limits, CinSplit cin_split)
      : layer_(layer), array_(array), limits_(limits), cin_split_(cin_split) {}

  CoreTile choose() {
    choose_weights();
    choose_width();
    choose_channels_and_width_pieces();
    choose_rows();
    note_pieces();
    return tile_;
  }

 private:
  std::int64_t kh() const { return layer_.window.kh; }
  std::int64_t kw() const { return layer_.window.kw; }
  std::int64_t block() const { return limits_.channel_block; }
  std::int64_t padded(std::int64_t width) const { return round_up(width, block()); }

  bool weights_fit(std::int64_t cout, std::int64_t cin) const {
    return unified_bytes({cout, kh(), kw(), cin}, layer_.density.stored) <= limits_.weights;
  }

  /// Output channels first, in the largest piece that fits with all input channels; input channels
  /// only where the smallest piece does not.
  void choose_weights() {
    const std::int64_t share = ceil_div(layer_.output.c, array_.rows);
    const std::int64_t rounded = round_up(share, block());
    const std::int64_t all_cin =
        layer_.groups == 1 ? round_up(layer_.input.c, block()) : layer_.input.c / layer_.groups;
    if (rounded * array_.rows != layer_.output.c) tile_.notes |= kUnevenChannels;
    const bool only_whole = share % block() != 0 && takes_whole_shares();
    const std::int64_t smallest = only_whole ? rounded : block();
    std::int64_t cin = all_cin;
    if (!weights_fit(smallest, all_cin) && all_cin > block())
      cin = largest_piece(round_up(all_cin, block()), block(),
                          [&](std::int64_t c) { return weights_fit(smallest, c); });
    std::int64_t cout = 0;
    if (cin > 0)
      cout = only_whole ? (weights_fit(rounded, cin) ? rounded : 0)
                        : largest_piece(rounded, block(),
                                        [&](std::int64_t c) { return weights_fit(c, cin); });
    if (cin == 0) cin = std::min(all_cin, block());
    // Less than a block of output channels: kernels so large that 8 x 8 channels do not fit.
    for (std::int64_t part = block() / 2; cout == 0 && part >= 1; part /= 2)
      if (weights_fit(part, cin)) cout = part;
    if (cout == 0) {
      cout = 1;
      tile_.notes |= kOverWeightLimit;
    }
    tile_.weight = {cout, kh(), kw(), cin};
    if (cout < rounded) tile_.notes |= kCoutPieces;
    if (cin < all_cin) tile_.notes |= kCinWeightPieces;
  }

  bool takes_whole_shares() const {
    const bool even = layer_.output.c % array_.rows == 0;
    return cin_split_ == CinSplit::authors || (cin_split_ == CinSplit::even_shares && even);
  }

  void choose_width() {
    const std::int64_t width = layer_.output.w;
    tile_.output.w = width >= array_.columns ? ceil_div(width, array_.columns) : width;
    if (width < array_.columns)
      tile_.notes |= kIdleColumns;
    else if (width % array_.columns != 0)
      tile_.notes |= kUnevenWidth;
  }

  std::int64_t width_with_halo(std::int64_t output_width) const {
    return (output_width - 1) * layer_.window.stride_w + kw();
  }

  std::int64_t width_without_halo(std::int64_t pieces) const {
    const std::int64_t width = layer_.input.w;
    const std::int64_t column = width >= array_.columns ? ceil_div(width, array_.columns) : width;
    return ceil_div(column, pieces);
  }

  std::int64_t input_rows(std::int64_t output_rows) const {
    return (output_rows - 1) * layer_.window.stride_h + kh();
  }

  /// Rows that the authors' check of the input buffer counts. With a stride it forgets some: their
  /// strided 3x3 convolutions stream up to 11520 bytes.
  std::int64_t counted_rows(std::int64_t output_rows) const {
    const std::int64_t stride = layer_.window.stride_h;
    if (stride == 1) return input_rows(output_rows);
    if (output_rows > 1)
      return (output_rows - 1) * stride + std::max(kh() - stride, std::int64_t{1});
    if (kh() == 1 && halo_dropped()) return 1;
    return std::max(stride, kh() - stride + 1);
  }

  bool halo_dropped() const { return (tile_.notes & kHaloDropped) != 0; }

  bool input_fits(std::int64_t output_rows, std::int64_t width, std::int64_t channels) const {
    return counted_rows(output_rows) * padded(width) * channels <= limits_.input;
  }

  bool output_fits(std::int64_t output_rows, std::int64_t channels) const {
    return output_rows * layer_.window.stride_h * padded(tile_.output.w) * channels <=
           limits_.output;
  }

  /// Tries the column's width whole, then with pieces of channels, then in pieces of width.
  void choose_channels_and_width_pieces() {
    const std::int64_t column_width = tile_.output.w;
    const std::int64_t channels = round_up(layer_.input.c, block());
    for (std::int64_t pieces = 1;; ++pieces) {
      tile_.output.w = ceil_div(column_width, pieces);
      tile_.width_pieces = ceil_div(column_width, tile_.output.w);
      tile_.notes &= ~static_cast<unsigned>(kHaloDropped);
      if (choose_input_channels(channels, pieces) && choose_output_channels()) break;
      if (tile_.output.w == 1) break;
    }
    if (tile_.width_pieces > 1) tile_.notes |= kWidthPieces;
    if (tile_.input.c < channels) tile_.notes |= kCinInputPieces;
  }

  bool choose_input_channels(std::int64_t channels, std::int64_t pieces) {
    tile_.input.w = width_with_halo(tile_.output.w);
    tile_.input.c = channels;
    if (input_fits(1, tile_.input.w, channels)) return true;
    tile_.notes |= kHaloDropped;
    tile_.input.w = width_without_halo(pieces);
    const std::int64_t piece = largest_piece(
        channels, block(), [&](std::int64_t c) { return input_fits(1, tile_.input.w, c); });
    tile_.input.c = piece == 0 ? block() : piece;
    return piece != 0;
  }

  bool choose_output_channels() {
    tile_.output.c = layer_.output.c;
    while (!output_fits(1, tile_.output.c) && tile_.output.c > block())
      tile_.output.c = round_up(ceil_div(tile_.output.c, 2), block());
    return output_fits(1, tile_.output.c);
  }

  void choose_rows() {
    std::int64_t rows = 1;
    while (rows < layer_.output.h && input_fits(rows + 1, tile_.input.w, tile_.input.c) &&
           output_fits(rows + 1, tile_.output.c))
      ++rows;
    tile_.output.h = rows;
    tile_.input.h = input_rows(rows);
  }

  void note_pieces() {
    const auto bytes = [](const aie::Extent& e) { return e.h * e.w * e.c; };
    if (tile_.output.c < layer_.output.c) tile_.notes |= kOutputPieces;
    if (bytes(tile_.input) > limits_.input) tile_.notes |= kOverInputLimit;
    if (bytes(tile_.output) > limits_.output) tile_.notes |= kOverOutputLimit;
  }

  const Layer& layer_;
  const ArrayShape array_;
  const CoreLimits limits_;
  const CinSplit cin_split_;
  CoreTile tile_;
};

constexpr std::array<std::string_view, 16> kNoteNames{
    "uneven width", "idle columns",      "uneven channels",  "cout pieces",
    "cin pieces",   "input pieces",      "halo dropped",     "output pieces",
    "width pieces", "weight passes",     "height tiles",     "concat repeat",
    "through ddr",  "over weight limit", "over input limit", "over output limit"};

}  // namespace

std::string_view to_string(CinSplit split) noexcept {
  switch (split) {
    case CinSplit::last_resort:
      return "last_resort";
    case CinSplit::even_shares:
      return "even_shares";
    case CinSplit::authors:
      return "authors";
  }
  return "unknown";
}

std::vector<std::string> note_names(unsigned notes) {
  std::vector<std::string> names;
  for (std::size_t bit = 0; bit < kNoteNames.size(); ++bit)
    if ((notes >> bit & 1U) != 0) names.emplace_back(kNoteNames[bit]);
  return names;
}

unsigned note_bit(std::string_view name) {
  const auto* const found = std::find(kNoteNames.begin(), kNoteNames.end(), name);
  return found == kNoteNames.end()
             ? 0U
             : 1U << static_cast<unsigned>(std::distance(kNoteNames.begin(), found));
}

std::int64_t unified_bytes(const aie::WeightBlock& piece, double density) {
  const auto dense = static_cast<double>(piece.cout * piece.kh * piece.kw * piece.cin);
  return static_cast<std::int64_t>(std::ceil(dense * density)) + 4 * piece.cout +
         2 * ceil_div(piece.cout, 8) * ceil_div(piece.cin, 8);
}

CoreTile choose_core_tile(const Layer& layer, const ArrayShape& array, const CoreLimits& limits,
                          CinSplit cin_split) {
  WBS_ASSERT(array.columns > 0 && array.rows > 0 && limits.channel_block > 0);
  return Chooser(layer, array, limits, cin_split).choose();
}

}  // namespace wbs::compiler
