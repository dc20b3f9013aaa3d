#include "runtime/batch_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace wbs::runtime {

BatchNorm::BatchNorm(Parameters parameters)
    : parameters_(std::move(parameters)),
      sums_(parameters_.scale.size()),
      squares_(parameters_.scale.size()) {
  how_.scale = parameters_.scale;
  how_.bias = parameters_.bias;
  how_.low = parameters_.low;
  how_.high = parameters_.high;
}

void BatchNorm::run(const kernels::Planes& planes, const void* x, void* y, int threads) noexcept {
  const std::int64_t pixels = planes.pixels();
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (std::int64_t channel = 0; channel < planes.channels; ++channel) {
    const auto c = static_cast<std::size_t>(channel);
    const float* values = static_cast<const float*>(x) + channel * planes.stride;
    double sum = 0.0;
    for (std::int64_t i = 0; i < pixels; ++i) sum += double{values[i]};
    const double mean = sum / static_cast<double>(pixels);
    double squares = 0.0;
    for (std::int64_t i = 0; i < pixels; ++i) {
      const double distance = double{values[i]} - mean;
      squares += distance * distance;
    }
    const double variance = squares / static_cast<double>(pixels);
    const double centre = parameters_.by_batch ? mean : double{parameters_.mean[c]};
    const double spread = parameters_.by_batch ? variance : double{parameters_.variance[c]};
    const double factor = double{parameters_.scale[c]} / std::sqrt(spread + parameters_.epsilon);
    how_.scale[c] = static_cast<float>(factor);
    how_.bias[c] = static_cast<float>(double{parameters_.bias[c]} - factor * centre);
    sums_[c] += sum;
    squares_[c] += squares + sum * mean;
  }
  count_ += pixels;
  kernels::affine(planes, x, how_, planes, 0, y, threads);
}

ChannelStatistics BatchNorm::statistics() const {
  ChannelStatistics result;
  result.count = count_;
  const auto count = static_cast<double>(std::max<std::int64_t>(count_, 1));
  for (std::size_t c = 0; c < sums_.size(); ++c) {
    const double mean = sums_[c] / count;
    result.mean.push_back(mean);
    result.variance.push_back(std::max(0.0, squares_[c] / count - mean * mean));
  }
  return result;
}

}  // namespace wbs::runtime
