#include "compiler/density.hpp"

#include <algorithm>
#include <cmath>

#include "sparsity/plane.hpp"

namespace wbs::compiler {
namespace {

constexpr std::int64_t kOperand = 8;      // side of a weight operand of the int8 MAC
constexpr std::int64_t kSparseGroup = 4;  // the sparse mode wants two zeros in each
constexpr double kSparseMode = 0.5;       // its share of the dense time

/// Share of operands left when each of `parts` independent parts is zero with probability `ratio`.
double touched(double ratio, std::int64_t parts) {
  return 1.0 - std::pow(ratio, static_cast<double>(parts));
}

bool always_two_of_four(const sparsity::NmPattern& nm) {
  if (nm.axis != sparsity::Axis::in) return false;
  // Groups of nm.group that four aligned channels can touch.
  const std::int64_t groups = nm.group % kSparseGroup == 0   ? 1
                              : kSparseGroup % nm.group == 0 ? kSparseGroup / nm.group
                                                             : kSparseGroup / nm.group + 2;
  return groups * nm.kept <= kSparseGroup / 2;
}

struct Nominal {
  LayerDensity operator()(const sparsity::DensePattern&) const { return {}; }
  LayerDensity operator()(const sparsity::BlockPattern& block) const {
    const std::int64_t parts =
        sparsity::divide_up(kOperand, block.rows) * sparsity::divide_up(kOperand, block.cols);
    return {1.0 - block.ratio, touched(block.ratio, parts)};
  }
  LayerDensity operator()(const sparsity::NmPattern& nm) const {
    const double stored = static_cast<double>(nm.kept) / static_cast<double>(nm.group);
    return {stored, always_two_of_four(nm) ? kSparseMode : 1.0};
  }
  LayerDensity operator()(const sparsity::UnstructuredPattern& free) const {
    return {1.0 - free.ratio, touched(free.ratio, kOperand * kOperand)};
  }
  LayerDensity operator()(const sparsity::ChannelPattern& channel) const {
    return {1.0 - channel.ratio, touched(channel.ratio, kOperand)};
  }
};

class Counter {
 public:
  explicit Counter(const Tensor& weights)
      : plane_(sparsity::plane_of(weights.shape)), values_(weights.values) {}

  LayerDensity count() const {
    std::int64_t kept = 0, operands = 0, filled = 0;
    bool two_of_four = plane_.cin >= kSparseGroup;
    for (std::int64_t o = 0; o < plane_.cout; o += kOperand) {
      for (std::int64_t i = 0; i < plane_.cin; i += kOperand) {
        for (std::int64_t tap = 0; tap < plane_.taps; ++tap) {
          const std::int64_t inside = count_operand(o, i, tap, two_of_four);
          kept += inside;
          ++operands;
          if (inside > 0) ++filled;
        }
      }
    }
    const auto share = [](std::int64_t part, std::int64_t whole) {
      return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
    };
    return {share(kept, plane_.elements()),
            share(filled, operands) * (two_of_four ? kSparseMode : 1.0)};
  }

 private:
  bool nonzero(std::int64_t o, std::int64_t i, std::int64_t tap) const {
    return values_[static_cast<std::size_t>((o * plane_.cin + i) * plane_.taps + tap)] != 0.0F;
  }

  std::int64_t count_operand(std::int64_t o_begin, std::int64_t i_begin, std::int64_t tap,
                             bool& two_of_four) const {
    std::int64_t kept = 0;
    for (std::int64_t o = o_begin; o < std::min(o_begin + kOperand, plane_.cout); ++o) {
      for (std::int64_t g = i_begin; g < std::min(i_begin + kOperand, plane_.cin);
           g += kSparseGroup) {
        std::int64_t in_group = 0;
        for (std::int64_t i = g; i < std::min(g + kSparseGroup, plane_.cin); ++i)
          in_group += nonzero(o, i, tap) ? 1 : 0;
        if (in_group > kSparseGroup / 2) two_of_four = false;
        kept += in_group;
      }
    }
    return kept;
  }

  sparsity::Plane plane_;
  const std::vector<float>& values_;
};

}  // namespace

LayerDensity nominal_density(const sparsity::Pattern& pattern) {
  return std::visit(Nominal{}, pattern);
}

LayerDensity measured_density(const Tensor& weights) {
  return Counter(weights).count();
}

}  // namespace wbs::compiler
