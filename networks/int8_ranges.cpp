#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "networks/int8_plan.hpp"

namespace wbs::networks::int8 {
namespace {

using Kind = Int8Op::Kind;

/// The same values in a range that has room for a sign as well.
Range with_sign(Range range) {
  if (range.is_unsigned) ++range.exponent;
  range.is_unsigned = false;
  return range;
}

/// The finest range that has room for both.
Range join(Range a, Range b) {
  if (a.is_unsigned != b.is_unsigned) {
    a = with_sign(a);
    b = with_sign(b);
  }
  a.exponent = std::max(a.exponent, b.exponent);
  return a;
}

class Ranges {
 public:
  Ranges(const Plan& plan, const Quantisation& scales, const std::string& network)
      : plan_(plan), scales_(scales), network_(network), ranges_(plan.drafts.size()) {}

  std::vector<Range> all(const std::vector<std::int32_t>& weight_exponents) {
    for (std::size_t i = 0; i < ranges_.size(); ++i) ranges_[i] = first_range(i);
    // Each round carries a range at least one operation further. Without end only where a layer of
    // huge weights and its own input are parts of one concat.
    std::size_t rounds = 0;
    while (grow(weight_exponents)) {
      if (++rounds > 4 * ranges_.size()) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("network '{}': weights too large for its concats", network_));
      }
    }
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      const Int8Op& op = plan_.drafts[i].op;
      if (op.kind == Kind::max_pool && op.padding != Padding{} && !ranges_[i].is_unsigned) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("network '{}', node '{}': a max pool with padding of activations "
                                "that may be negative",
                                network_, op.name));
      }
    }
    return std::move(ranges_);
  }

 private:
  const Quant* scale_of(const Draft& draft) const {
    for (const std::string& name : draft.scale_names) {
      const auto found = scales_.activations.find(name);
      if (found == scales_.activations.end()) continue;
      if (!std::isfinite(found->second.scale) || found->second.scale <= 0.0F) {
        throw Error(
            ErrorKind::input,
            fmt::format("network '{}': the scale of '{}' is no positive number", network_, name));
      }
      return &found->second;
    }
    return nullptr;
  }

  static Range range_of(const Draft& draft, const Quant& quant) {
    Range range{quant.zero_point == 0, exponent_above(quant.scale)};
    if (!range.is_unsigned && draft.low >= 0.0) range = {true, range.exponent - 1};
    return range;
  }

  /// Before anything is shared. Layers whose own scale nobody observed, because they were fused
  /// with the addition behind them, get the sum's.
  Range first_range(std::size_t index) const {
    const Draft& draft = plan_.drafts[index];
    if (draft.op.kind == Kind::max_pool) return ranges_[draft.op.inputs[0]];
    if (const Quant* quant = scale_of(draft)) return range_of(draft, *quant);
    if (draft.op.kind == Kind::average_pool || draft.op.kind == Kind::concat) {
      return ranges_[draft.op.inputs[0]];
    }
    const bool layer = draft.op.kind == Kind::conv || draft.op.kind == Kind::depthwise;
    for (std::size_t i = index + 1; layer && i < plan_.drafts.size(); ++i) {
      const Draft& reader = plan_.drafts[i];
      if (reader.op.kind != Kind::add || std::ranges::count(reader.op.inputs, index) == 0) continue;
      if (const Quant* quant = scale_of(reader)) {
        return with_sign(range_of(reader, *quant));
      }
    }
    throw Error(ErrorKind::input,
                fmt::format("network '{}': the quantisation has no scale for '{}'", network_,
                            draft.op.result));
  }

  bool grow(const std::vector<std::int32_t>& weight_exponents) {
    const std::vector<Range> before = ranges_;
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      const Int8Op& op = plan_.drafts[i].op;
      if (op.kind == Kind::max_pool || op.kind == Kind::concat) {
        for (const std::size_t input : op.inputs) ranges_[i] = join(ranges_[i], ranges_[input]);
        for (const std::size_t input : op.inputs) ranges_[input] = ranges_[i];
      } else if (op.kind == Kind::conv || op.kind == Kind::depthwise) {
        const std::int32_t finest = ranges_[op.inputs[0]].exponent + weight_exponents[i];
        ranges_[i].exponent = std::max(ranges_[i].exponent, finest);
        if (op.inputs.size() > 1) {
          Range& second = ranges_[op.inputs[1]];
          second.exponent = std::max(second.exponent, finest);
        }
      }
    }
    return ranges_ != before;
  }

  const Plan& plan_;
  const Quantisation& scales_;
  const std::string& network_;
  std::vector<Range> ranges_;
};

}  // namespace

std::int32_t exponent_above(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);  // in [0.5, 1)
  return mantissa == 0.5 ? exponent - 1 : exponent;
}

std::vector<Range> choose_ranges(const Plan& plan, const Quantisation& scales,
                                 const std::vector<std::int32_t>& weight_exponents,
                                 const std::string& network) {
  return Ranges(plan, scales, network).all(weight_exponents);
}

}  // namespace wbs::networks::int8
