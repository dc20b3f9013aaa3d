// Which images make up which batch. Private to this folder.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/loader.hpp"

namespace wbs::datasets {

/// The order of one epoch, cut into batches and ranks.
class EpochOrder {
 public:
  /// Throws Error(usage) when an option is out of range for a set of `images` images.
  EpochOrder(std::int64_t images, const LoaderOptions& options);

  [[nodiscard]] std::int64_t images() const noexcept;
  [[nodiscard]] std::int64_t batches() const noexcept { return batches_; }
  /// All images of a batch; less than a full batch only at the end.
  [[nodiscard]] std::span<const std::int64_t> batch(std::int64_t number) const;
  /// This rank's contiguous part of it, maybe none.
  [[nodiscard]] std::span<const std::int64_t> part(std::int64_t number) const;

 private:
  std::vector<std::int64_t> order_;
  std::int64_t batch_ = 1;
  std::int64_t batches_ = 0;
  Shard shard_;
};

}  // namespace wbs::datasets
