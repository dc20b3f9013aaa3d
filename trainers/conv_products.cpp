#include "trainers/conv_products.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "kernels/buffer.hpp"
#include "kernels/planes.hpp"

namespace wbs::trainers {
namespace {

using kernels::Buffer;
using kernels::ConvPlan;
using kernels::ConvShape;
using kernels::Planes;
using sparsity::Granularity;
using sparsity::Mask;

/// Shapes that a layer meets in turn: training batches, the last one of an epoch, evaluation.
constexpr std::size_t kMostPlans = 4;

bool same_images(const ConvShape& a, const ConvShape& b) noexcept {
  return a.images == b.images && a.height == b.height && a.width == b.width;
}

/// Bitwise or of all magnitudes: 0 when all values are zero.
std::uint32_t any_bits(const float* values, std::int64_t count) noexcept {
  std::uint32_t bits = 0;
  for (std::int64_t i = 0; i < count; ++i) bits |= std::bit_cast<std::uint32_t>(values[i]);
  return bits << 1U;  // without the sign
}

/// A kernel of weights [rows][columns] taken from the forward tensor: out and in change places in
/// BP, and taps are picked. Their places in the forward tensor come along.
struct PickedWeights {
  Tensor values;
  std::vector<std::int32_t> places;

  PickedWeights(const ConvShape& forward, const float* weight, bool transposed,
                const std::vector<std::int64_t>& tap_rows,
                const std::vector<std::int64_t>& tap_columns) {
    const std::int64_t rows = transposed ? forward.in_channels : forward.out_channels;
    const std::int64_t columns = transposed ? forward.out_channels : forward.in_channels;
    values.shape = {rows, columns, static_cast<std::int64_t>(tap_rows.size()),
                    static_cast<std::int64_t>(tap_columns.size())};
    const auto count = static_cast<std::size_t>(element_count(values.shape));
    values.values.reserve(count);
    places.reserve(count);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        const std::int64_t out = transposed ? column : row;
        const std::int64_t in = transposed ? row : column;
        const std::int64_t first = (out * forward.in_channels + in) * forward.taps();
        for (const std::int64_t ky : tap_rows) {
          for (const std::int64_t kx : tap_columns) {
            const std::int64_t place = first + ky * forward.kernel[1] + kx;
            places.push_back(static_cast<std::int32_t>(place));
            values.values.push_back(weight[place]);
          }
        }
      }
    }
  }
};

std::vector<std::int64_t> all_taps(std::int64_t kernel) {
  std::vector<std::int64_t> taps(static_cast<std::size_t>(kernel));
  for (std::size_t i = 0; i < taps.size(); ++i) taps[i] = static_cast<std::int64_t>(i);
  return taps;
}

Mask mask_for(const Tensor& weights, Granularity cell, bool transposed) {
  if (transposed && !cell.per_tap) std::swap(cell.rows, cell.cols);
  return sparsity::mask_of_nonzeros(weights, cell);
}

}  // namespace

void nonzero_cells(const sparsity::Plane& plane, Granularity granularity, const float* weights,
                   std::vector<std::uint64_t>& words) {
  const std::int64_t cols = granularity.per_tap ? 1 : granularity.cols * plane.taps;
  const std::int64_t rows = granularity.per_tap ? 1 : granularity.rows;
  const std::int64_t row_weights = plane.cin * plane.taps;
  const std::int64_t cell_cols = sparsity::divide_up(row_weights, cols);
  const std::int64_t cells = sparsity::divide_up(plane.cout, rows) * cell_cols;
  words.assign(static_cast<std::size_t>(sparsity::divide_up(cells, 64)), 0);
  for (std::int64_t out = 0; out < plane.cout; ++out) {
    const float* row = weights + out * row_weights;
    std::int64_t cell = out / rows * cell_cols;
    for (std::int64_t first = 0; first < row_weights; first += cols, ++cell) {
      if (any_bits(row + first, std::min(cols, row_weights - first)) == 0) continue;
      words[static_cast<std::size_t>(cell) / 64] |= std::uint64_t{1} << (cell % 64);
    }
  }
}

AxisPhase axis_phase(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                     std::int64_t padding, std::int64_t phase) {
  // Input pixel y = stride * m + phase meets output (y + padding - k) / stride = m + shift(k).
  AxisPhase result;
  result.pixels = sparsity::divide_up(in - phase, stride);
  for (std::int64_t k = kernel - 1; k >= 0; --k) {
    const std::int64_t distance = phase + padding - k;
    if (distance % stride != 0) continue;
    if (result.taps.empty()) result.first = distance / stride;
    result.taps.push_back(k);
  }
  result.pad_before = std::max<std::int64_t>(-result.first, 0);
  result.first = std::max<std::int64_t>(result.first, 0);
  const auto taps = static_cast<std::int64_t>(result.taps.size());
  result.pad_after =
      std::max<std::int64_t>(result.first + result.pixels + taps - 1 - out - result.pad_before, 0);
  return result;
}

/// A convolution over the layer's input (FF) or over its output's gradient (BP).
struct ConvProducts::Phase {
  ConvPlan plan;
  Buffer output;
  // BP: where its pixels go: every stride-th row and column of dx from these on, beginning with
  // the plan's output (first_row, first_column).
  std::int64_t row = 0, column = 0;
  std::int64_t first_row = 0, first_column = 0;
  std::int64_t rows = 0, columns = 0;
};

struct ConvProducts::Planned {
  ConvShape shape;
  std::vector<std::uint64_t> zeros;
  std::vector<Phase> phases;
  Buffer input;
  Buffer scratch;
};

namespace {

kernels::ConvLayer layer_of(const ConvShape& shape, const PickedWeights& weights,
                            const Mask& mask) {
  kernels::ConvLayer layer;
  layer.name = "training layer";
  layer.shape = shape;
  layer.weights = &weights.values;
  layer.mask = &mask;
  return layer;
}

ConvPlan plan_conv(const ConvShape& shape, const PickedWeights& weights, const Mask& mask,
                   int threads) {
  kernels::ConvOptions options;
  options.threads = threads;
  options.algorithm = "auto";
  options.reload_sources = &weights.places;
  return {layer_of(shape, weights, mask), options};
}

/// The convolution of dy that gives the pixels of dx in one phase of rows and one of columns.
ConvShape phase_shape(const ConvShape& forward, const AxisPhase& rows, const AxisPhase& columns) {
  ConvShape shape;
  shape.images = forward.images;
  shape.in_channels = forward.out_channels;
  shape.out_channels = forward.in_channels;
  shape.height = forward.out_height();
  shape.width = forward.out_width();
  shape.kernel = {static_cast<std::int64_t>(rows.taps.size()),
                  static_cast<std::int64_t>(columns.taps.size())};
  shape.pad_top = rows.pad_before;
  shape.pad_bottom = rows.pad_after;
  shape.pad_left = columns.pad_before;
  shape.pad_right = columns.pad_after;
  return shape;
}

Buffer buffer_of(std::int64_t bytes) {
  return Buffer(static_cast<std::size_t>(bytes));
}

}  // namespace

ConvProducts::ConvProducts(Granularity granularity, int threads)
    : granularity_(granularity), threads_(threads) {}
ConvProducts::~ConvProducts() = default;

std::unique_ptr<ConvProducts::Planned> ConvProducts::plan(const ConvShape& shape,
                                                          const float* weight,
                                                          bool backward) const {
  auto made = std::make_unique<Planned>();
  made->shape = shape;
  if (!backward) {
    const PickedWeights picked(shape, weight, false, all_taps(shape.kernel[0]),
                               all_taps(shape.kernel[1]));
    const Mask mask = mask_for(picked.values, granularity_, false);
    made->phases.push_back({plan_conv(shape, picked, mask, threads_), {}});
  } else {
    for (std::int64_t row = 0; row < shape.stride[0]; ++row) {
      const AxisPhase rows = axis_phase(shape.height, shape.out_height(), shape.kernel[0],
                                        shape.stride[0], shape.pad_top, row);
      for (std::int64_t column = 0; column < shape.stride[1]; ++column) {
        const AxisPhase columns = axis_phase(shape.width, shape.out_width(), shape.kernel[1],
                                             shape.stride[1], shape.pad_left, column);
        if (rows.taps.empty() || columns.taps.empty()) continue;
        const PickedWeights picked(shape, weight, true, rows.taps, columns.taps);
        const Mask mask = mask_for(picked.values, granularity_, true);
        made->phases.push_back(
            {plan_conv(phase_shape(shape, rows, columns), picked, mask, threads_),
             {},
             row,
             column,
             rows.first,
             columns.first,
             rows.pixels,
             columns.pixels});
      }
    }
  }
  std::int64_t scratch = 0;
  for (Phase& phase : made->phases) {
    phase.output = buffer_of(phase.plan.output().size_bytes());
    scratch = std::max(scratch, phase.plan.scratch_bytes());
  }
  made->scratch = buffer_of(scratch);
  made->input = buffer_of(made->phases.front().plan.input().size_bytes());
  return made;
}

ConvProducts::Planned& ConvProducts::planned(std::vector<std::unique_ptr<Planned>>& plans,
                                             const ConvShape& shape, const float* weight,
                                             bool backward) {
  nonzero_cells({shape.out_channels, shape.in_channels, shape.taps()}, granularity_, weight,
                zeros_);
  auto found = std::find_if(plans.begin(), plans.end(),
                            [&](const auto& plan) { return same_images(plan->shape, shape); });
  if (found != plans.end() && (*found)->zeros == zeros_) {
    for (Phase& phase : (*found)->phases) phase.plan.reload(weight);
    return **found;
  }
  if (found == plans.end()) {
    if (plans.size() == kMostPlans) plans.erase(plans.begin());
    found = plans.insert(plans.end(), nullptr);
  }
  *found = plan(shape, weight, backward);
  (*found)->zeros = zeros_;
  return **found;
}

void ConvProducts::forward(const ConvShape& shape, const float* weight, const float* x, float* y) {
  Planned& made = planned(forward_, shape, weight, false);
  Phase& phase = made.phases.front();
  kernels::to_planes(phase.plan.input(), x, 1.0F, made.input.data());
  phase.plan.run({made.input.data(), nullptr, phase.output.data(), made.scratch.data()});
  kernels::from_planes(phase.plan.output(), phase.output.data(), 1.0F, y);
}

void ConvProducts::input_gradient(const ConvShape& shape, const float* weight, const float* dy,
                                  float* dx) {
  Planned& made = planned(backward_, shape, weight, true);
  const auto elements =
      static_cast<std::size_t>(shape.images * shape.in_channels * shape.height * shape.width);
  const bool covers =
      static_cast<std::int64_t>(made.phases.size()) == shape.stride[0] * shape.stride[1];
  if (!covers) std::memset(dx, 0, elements * sizeof(float));
  kernels::to_planes(made.phases.front().plan.input(), dy, 1.0F, made.input.data());
  for (Phase& phase : made.phases) {
    phase.plan.run({made.input.data(), nullptr, phase.output.data(), made.scratch.data()});
    const Planes& planes = phase.plan.output();
    const auto* from = reinterpret_cast<const float*>(phase.output.data());
    if (covers && made.phases.size() == 1 && planes.height == shape.height &&
        planes.width == shape.width) {
      kernels::from_planes(planes, from, 1.0F, dx);
      continue;
    }
    for (std::int64_t n = 0; n < shape.images; ++n) {
      for (std::int64_t c = 0; c < shape.in_channels; ++c) {
        const float* image = from + c * planes.stride + n * planes.height * planes.width;
        float* to = dx + (n * shape.in_channels + c) * shape.height * shape.width;
        for (std::int64_t i = 0; i < phase.rows; ++i) {
          const float* source = image + (phase.first_row + i) * planes.width + phase.first_column;
          float* row = to + (phase.row + i * shape.stride[0]) * shape.width + phase.column;
          for (std::int64_t j = 0; j < phase.columns; ++j) row[j * shape.stride[1]] = source[j];
        }
      }
    }
  }
}

std::string ConvProducts::algorithms() const {
  std::string text;
  if (!forward_.empty()) text += forward_.back()->phases.front().plan.algorithm();
  if (!backward_.empty()) {
    text += "/";
    text += backward_.back()->phases.front().plan.algorithm();
  }
  return text;
}

}  // namespace wbs::trainers
