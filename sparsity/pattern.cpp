#include "sparsity/pattern.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <vector>

#include "core/text.hpp"
#include "sparsity/plane.hpp"

namespace wbs::sparsity {
namespace {

constexpr std::array<PatternKind, 5> kKinds{{
    {"dense", "dense", "dense", "every weight is kept"},
    {"block", "block:RxC@RATIO", "block:8x8@0.5",
     "blocks of R output x C input channels, all taps together; RATIO of the blocks is pruned"},
    {"nm", "nm:N:M[/in|/out]", "nm:2:8/in",
     "N weights KEPT of every M consecutive channels along the axis, at each tap"},
    {"unstructured", "unstructured@RATIO", "unstructured@0.9",
     "RATIO of the single weights is pruned"},
    {"channel", "channel@RATIO", "channel@0.12", "RATIO of the output channels is pruned"},
}};

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

tl::unexpected<std::string> unreadable(std::string_view text, std::string_view expectation) {
  return refusal(fmt::format("pattern '{}': {}", text, expectation));
}

/// The ratio behind '@', or nothing.
std::optional<double> parse_ratio(std::string_view text) {
  const std::optional<double> ratio = parse_number(text);
  if (!ratio || *ratio < 0.0 || *ratio >= 1.0) return std::nullopt;
  return *ratio + 0.0;  // "-0" becomes 0
}

constexpr std::string_view kRatioExpected =
    "the pruned ratio after '@' must be a number in [0, 1), for example 0.5";

Result<Pattern> parse_block(std::string_view text, std::string_view body) {
  const std::vector<std::string_view> parts = split(body, '@');
  if (parts.size() != 2) {
    return unreadable(text, "expected block:RxC@RATIO, for example block:8x8@0.5");
  }
  const std::vector<std::string_view> sizes = split(parts[0], 'x');
  const auto rows = parse_integer(sizes[0]);
  const auto cols = sizes.size() == 2 ? parse_integer(sizes[1]) : std::nullopt;
  if (!rows || !cols || *rows < 1 || *cols < 1 || *rows > kLargestBlock || *cols > kLargestBlock) {
    return unreadable(text,
                      fmt::format("the block must be RxC (output x input channels), both 1 to "
                                  "{}, for example block:8x8@0.5",
                                  kLargestBlock));
  }
  const auto ratio = parse_ratio(parts[1]);
  if (!ratio) return unreadable(text, kRatioExpected);
  return BlockPattern{*rows, *cols, *ratio};
}

Result<Pattern> parse_nm(std::string_view text, std::string_view body) {
  const std::vector<std::string_view> parts = split(body, '/');
  Axis axis = Axis::in;
  if (parts.size() == 2 && parts[1] == "out") {
    axis = Axis::out;
  } else if (parts.size() > 2 || (parts.size() == 2 && parts[1] != "in")) {
    return unreadable(text, "the axis after '/' must be in or out, for example nm:2:8/in");
  }
  const std::vector<std::string_view> counts = split(parts[0], ':');
  const auto kept = parse_integer(counts[0]);
  const auto group = counts.size() == 2 ? parse_integer(counts[1]) : std::nullopt;
  if (!kept || !group || *kept < 1 || *group < 2 || *group > kLargestGroup || *kept > *group) {
    return unreadable(text,
                      fmt::format("expected nm:N:M with N KEPT of M, 1 <= N <= M and M 2 to {}, "
                                  "for example nm:2:8/in",
                                  kLargestGroup));
  }
  return NmPattern{*kept, *group, axis};
}

std::string percent(double share) {
  // Three decimals of a per cent are enough to tell ratios apart and hide 1 - 0.9 = 0.0999...
  std::string digits = fmt::format("{:.3f}", 100.0 * share);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits + "%";
}

}  // namespace

std::string_view to_string(Axis axis) noexcept {
  return axis == Axis::in ? "in" : "out";
}

Result<Pattern> parse_pattern(std::string_view text) {
  if (text == "dense") return DensePattern{};
  constexpr std::string_view kBlock = "block:";
  constexpr std::string_view kNm = "nm:";
  constexpr std::string_view kUnstructured = "unstructured@";
  constexpr std::string_view kChannel = "channel@";
  if (text.starts_with(kBlock)) return parse_block(text, text.substr(kBlock.size()));
  if (text.starts_with(kNm)) return parse_nm(text, text.substr(kNm.size()));
  if (text.starts_with(kUnstructured)) {
    const auto ratio = parse_ratio(text.substr(kUnstructured.size()));
    if (!ratio) return unreadable(text, kRatioExpected);
    return UnstructuredPattern{*ratio};
  }
  if (text.starts_with(kChannel)) {
    const auto ratio = parse_ratio(text.substr(kChannel.size()));
    if (!ratio) return unreadable(text, kRatioExpected);
    return ChannelPattern{*ratio};
  }
  return unreadable(text,
                    "expected dense, block:RxC@RATIO, nm:N:M/in, nm:N:M/out, unstructured@RATIO or "
                    "channel@RATIO");
}

std::string to_string(const Pattern& pattern) {
  return std::visit(
      Overloaded{
          [](const DensePattern&) -> std::string { return "dense"; },
          [](const BlockPattern& block) {
            return fmt::format("block:{}x{}@{}", block.rows, block.cols, number_text(block.ratio));
          },
          [](const NmPattern& nm) {
            return fmt::format("nm:{}:{}/{}", nm.kept, nm.group, to_string(nm.axis));
          },
          [](const UnstructuredPattern& single) {
            return "unstructured@" + number_text(single.ratio);
          },
          [](const ChannelPattern& channel) { return "channel@" + number_text(channel.ratio); },
      },
      pattern);
}

double nominal_sparsity(const Pattern& pattern) noexcept {
  if (const auto* nm = std::get_if<NmPattern>(&pattern)) {
    return 1.0 - static_cast<double>(nm->kept) / static_cast<double>(nm->group);
  }
  if (const auto* block = std::get_if<BlockPattern>(&pattern)) return block->ratio;
  if (const auto* single = std::get_if<UnstructuredPattern>(&pattern)) return single->ratio;
  if (const auto* channel = std::get_if<ChannelPattern>(&pattern)) return channel->ratio;
  return 0.0;
}

bool is_dense(const Pattern& pattern) noexcept {
  return std::holds_alternative<DensePattern>(pattern);
}

PatternWords describe(const Pattern& pattern) {
  return std::visit(Overloaded{
                        [](const DensePattern&) -> PatternWords { return {"all", "-"}; },
                        [](const BlockPattern& block) -> PatternWords {
                          return {percent(1.0 - block.ratio), "out x in"};
                        },
                        [](const NmPattern& nm) -> PatternWords {
                          return {fmt::format("{}/{}", nm.kept, nm.group),
                                  std::string(to_string(nm.axis))};
                        },
                        [](const UnstructuredPattern& single) -> PatternWords {
                          return {percent(1.0 - single.ratio), "-"};
                        },
                        [](const ChannelPattern& channel) -> PatternWords {
                          return {percent(1.0 - channel.ratio), "out"};
                        },
                    },
                    pattern);
}

Result<void> check_fits(const Pattern& pattern, const Shape& shape) {
  const Plane plane = plane_of(shape);
  if (const auto* block = std::get_if<BlockPattern>(&pattern)) {
    if (block->rows > plane.cout || block->cols > plane.cin) {
      return refusal(
          fmt::format("block {}x{} is larger than the layer's {} output x {} input channels",
                      block->rows, block->cols, plane.cout, plane.cin));
    }
  }
  if (const auto* nm = std::get_if<NmPattern>(&pattern)) {
    const std::int64_t channels = nm->axis == Axis::in ? plane.cin : plane.cout;
    if (nm->group > channels) {
      return refusal(fmt::format("a group of {} is larger than the layer's {} {}put channels",
                                 nm->group, channels, to_string(nm->axis)));
    }
  }
  return {};
}

std::span<const PatternKind> pattern_kinds() noexcept {
  return kKinds;
}

}  // namespace wbs::sparsity
