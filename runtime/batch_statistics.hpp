// Batch norms that remember what they see, and may normalise by it: for recalibrating a pruned
// network.
#pragma once

#include <vector>

#include "kernels/elementwise.hpp"
#include "kernels/planes.hpp"

namespace wbs::runtime {

/// Mean and variance of every channel over all images that ran.
struct ChannelStatistics {
  std::vector<double> mean;
  std::vector<double> variance;  ///< divided by the count
  std::int64_t count = 0;        ///< values per channel
};

/// One batch norm on fp32 planes that accumulates the statistics of all batches.
class BatchNorm {
 public:
  struct Parameters {
    std::vector<float> scale, bias, mean, variance;
    double epsilon = 1e-5;
    float low, high;        ///< the result is clipped to this range
    bool by_batch = false;  ///< normalise by the batch's own mean and variance, as in training
  };
  explicit BatchNorm(Parameters parameters);

  /// `y` may be `x`.
  void run(const kernels::Planes& planes, const void* x, void* y, int threads) noexcept;
  /// Over all runs so far: the mean of the batches' means, the mean of their variances plus the
  /// variance of their means; batches count by their size.
  [[nodiscard]] ChannelStatistics statistics() const;

 private:
  Parameters parameters_;
  kernels::Affine how_;
  std::vector<double> sums_, squares_;  // of values, and of their squares
  std::int64_t count_ = 0;
};

}  // namespace wbs::runtime
