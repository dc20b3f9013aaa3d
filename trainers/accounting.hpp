// Multiply-accumulates that training does in the sparsified layers, from the masks in use.
#pragma once

#include <cstdint>
#include <span>

#include "trainers/method.hpp"

namespace wbs::trainers {

/// Per iteration: one forward (FF) and backward pass (BP, WU) of a batch.
struct ProductMacs {
  double dense = 0.0;  ///< of all three products without sparsity: three times FF's
  double ff = 0.0;
  double bp = 0.0;
  double wu = 0.0;
  [[nodiscard]] double share() const noexcept { return dense > 0.0 ? (ff + bp + wu) / dense : 1.0; }
};

/// Sums over steps.
class Accounting {
 public:
  /// Adds one step with `images` images under `method`'s products for `layers`.
  void add(std::span<const SparseLayer> layers, const Method& method, std::int64_t images);

  /// The mean per step; zeros before the first.
  [[nodiscard]] ProductMacs per_step() const noexcept;

  /// The sums, for checkpoints.
  [[nodiscard]] const ProductMacs& sums() const noexcept { return sums_; }
  [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }
  void restore(const ProductMacs& sums, std::int64_t steps) noexcept {
    sums_ = sums;
    steps_ = steps;
  }

 private:
  ProductMacs sums_;
  std::int64_t steps_ = 0;
};

}  // namespace wbs::trainers
