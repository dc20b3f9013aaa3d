// Sparsity patterns as values, and their text form.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/error.hpp"
#include "core/tensor.hpp"

namespace wbs::sparsity {

/// Sides of blocks and groups beyond these are refused: no layer has a use for them.
inline constexpr std::int64_t kLargestBlock = 4096;
inline constexpr std::int64_t kLargestGroup = 1024;

/// Along which channels the groups of N:M run.
enum class Axis { in, out };

[[nodiscard]] std::string_view to_string(Axis axis) noexcept;

/// No weight is pruned.
struct DensePattern {
  friend bool operator==(const DensePattern&, const DensePattern&) = default;
};

/// Whole blocks of `rows` output channels x `cols` input channels (all kernel taps) are zero;
/// `ratio` is the share of blocks that is pruned.
struct BlockPattern {
  std::int64_t rows = 8;
  std::int64_t cols = 8;
  double ratio = 0.0;
  friend bool operator==(const BlockPattern&, const BlockPattern&) = default;
};

/// At most `kept` of every `group` consecutive channels along `axis` are non-zero, at each kernel
/// tap.
struct NmPattern {
  std::int64_t kept = 2;
  std::int64_t group = 4;
  Axis axis = Axis::in;
  friend bool operator==(const NmPattern&, const NmPattern&) = default;
};

/// Single weights are zero; `ratio` is the share that is pruned.
struct UnstructuredPattern {
  double ratio = 0.0;
  friend bool operator==(const UnstructuredPattern&, const UnstructuredPattern&) = default;
};

/// Whole output channels are zero; `ratio` is the share that is pruned.
struct ChannelPattern {
  double ratio = 0.0;
  friend bool operator==(const ChannelPattern&, const ChannelPattern&) = default;
};

using Pattern =
    std::variant<DensePattern, BlockPattern, NmPattern, UnstructuredPattern, ChannelPattern>;

/// The pattern of a text form: "dense", "block:8x8@0.5" (rows = output channels, columns = input
/// channels, ratio pruned), "nm:2:8/in" (2 KEPT of 8 along input channels; "/in" may be omitted,
/// "/out": output channels), "unstructured@0.9", "channel@0.12". The refusal is one sentence that
/// quotes the text and says what is expected.
[[nodiscard]] Result<Pattern> parse_pattern(std::string_view text);

/// The text form, axis always printed; parse_pattern reads back the same value.
[[nodiscard]] std::string to_string(const Pattern& pattern);

/// The share of weights that `pattern` asks to prune: its ratio, or 1 - N/M, or 0.
[[nodiscard]] double nominal_sparsity(const Pattern& pattern) noexcept;

[[nodiscard]] bool is_dense(const Pattern& pattern) noexcept;

/// How a table words a pattern.
struct PatternWords {
  std::string kept;  ///< kept/group: "2/8", "50%" (of blocks, weights or channels), "all"
  std::string axis;  ///< "in", "out", "out x in" (blocks), or "-"
};
[[nodiscard]] PatternWords describe(const Pattern& pattern);

/// Nothing when a weight tensor of `shape` can take `pattern`; else why not ("block 32x32 is larger
/// than the layer's 16 output x 16 input channels"). A channel count that the block or the group
/// does not divide is no obstacle.
[[nodiscard]] Result<void> check_fits(const Pattern& pattern, const Shape& shape);

/// One row of `wbs list patterns`.
struct PatternKind {
  std::string_view name;
  std::string_view form;
  std::string_view example;
  std::string_view meaning;
};
[[nodiscard]] std::span<const PatternKind> pattern_kinds() noexcept;

}  // namespace wbs::sparsity
