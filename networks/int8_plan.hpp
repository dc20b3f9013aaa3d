// The first half of to_int8(): which operations an integer network has, before any number is known.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "networks/int8_network.hpp"

namespace wbs::networks::int8 {

/// An operation without exponents, weights and shifts.
struct Draft {
  Int8Op op;           ///< kind, names, inputs, window, stride, padding, output extents, macs
  NodeIndex node = 0;  ///< of the graph that was planned, with the weights
  /// Nodes of the original graph whose scale this result may have, the exact one first.
  std::vector<std::string> scale_names;
  double low = -std::numeric_limits<double>::infinity();  ///< fused clips
  double high = std::numeric_limits<double>::infinity();
};

struct Plan {
  std::vector<Draft> drafts;  ///< in execution order; drafts[0] is the input
  std::size_t output = 0;
};

/// The operations of `folded`: `original` with batch norms folded and identities removed, shapes
/// inferred for batch 1. Nodes that the output does not need are left out. Throws
/// Error(unsupported) naming the first node that integers cannot express.
[[nodiscard]] Plan make_plan(const Graph& original, const Graph& folded,
                             const Int8Options& options = {});

/// What integer activations stand for.
struct Range {
  bool is_unsigned = false;
  std::int32_t exponent = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// A range for every draft, from the scales: results of max pools and parts of concats agree with
/// what they share numbers with. least_weight_exponent: of each draft with weights, the exponent of
/// its coarsest channel; a result, or a second input, is never finer than the sums. Throws
/// Error(input) when a scale is missing, Error(unsupported) for a padded max pool of signed
/// numbers.
[[nodiscard]] std::vector<Range> choose_ranges(const Plan& plan, const Quantisation& scales,
                                               const std::vector<std::int32_t>& weight_exponents,
                                               const std::string& network);

/// The least integer e with value <= 2^e, for value > 0: exact.
[[nodiscard]] std::int32_t exponent_above(double value);

}  // namespace wbs::networks::int8
