// Convolutions, linear layers, pools and batch normalisation.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "networks/reference_ops.hpp"

namespace wbs::networks::reference {
namespace {

// Blocks of the matrix product: 64 x 256 floats of b stay in the second-level cache, a row of c in
// the first.
constexpr std::int64_t kBlockRows = 64;
constexpr std::int64_t kBlockColumns = 256;

const float* weight(const Node& node, const Weights& weights, const char* role) {
  return weights.at(weight_key(node, role)).values.data();
}

/// The bias of each output channel; zeros when the node has none.
std::vector<float> bias_of(const Node& node, const Weights& weights, std::int64_t channels) {
  if (node.weight_shapes.contains("bias")) return weights.at(weight_key(node, "bias")).values;
  return std::vector<float>(static_cast<std::size_t>(channels), 0.0F);
}

/// One group of one image of a convolution.
struct ConvGroup {
  const Attributes& attributes;
  const float* image;  ///< [channels][height][width]
  std::int64_t channels, height, width;
  std::int64_t out_width;
};

/// columns[k][p] = the input element that weight k = (channel, ky, kx) multiplies for output pixel
/// first + p; zero in the padding.
void gather(const ConvGroup& group, std::int64_t first, const MatrixView<float>& columns) {
  const Attributes& a = group.attributes;
  float* out = columns.values;
  for (std::int64_t channel = 0; channel < group.channels; ++channel) {
    const float* plane = group.image + channel * group.height * group.width;
    for (std::int64_t ky = 0; ky < a.kernel[0]; ++ky) {
      for (std::int64_t kx = 0; kx < a.kernel[1]; ++kx) {
        std::int64_t oy = first / group.out_width;
        std::int64_t ox = first % group.out_width;
        for (std::int64_t pixel = 0; pixel < columns.columns; ++pixel) {
          const std::int64_t y = oy * a.stride[0] + ky * a.dilation[0] - a.padding.top;
          const std::int64_t x = ox * a.stride[1] + kx * a.dilation[1] - a.padding.left;
          const bool inside = y >= 0 && y < group.height && x >= 0 && x < group.width;
          out[pixel] = inside ? plane[y * group.width + x] : 0.0F;
          if (++ox == group.out_width) {
            ox = 0;
            ++oy;
          }
        }
        out += columns.stride;
      }
    }
  }
}

/// Fixed order: eight partial sums over every eighth element, then their sum.
float dot(const float* a, const float* b, std::int64_t count) {
  constexpr std::int64_t kLanes = 8;
  std::array<float, kLanes> partial{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      partial[static_cast<std::size_t>(lane)] += a[i + lane] * b[i + lane];
    }
  }
  float sum = 0.0F;
  for (const float lane : partial) sum += lane;
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

/// The elements [begin, end) of an axis that a window covers, `step` apart.
struct Span {
  std::int64_t begin, end, step;
};

Span covered(std::int64_t start, std::int64_t kernel, std::int64_t dilation, std::int64_t extent) {
  const std::int64_t skipped = start < 0 ? (-start + dilation - 1) / dilation : 0;
  return {start + skipped * dilation, std::min(start + kernel * dilation, extent), dilation};
}

/// Calls pixel(plane, start y, start x) for every output element and stores what it returns.
template <typename Pixel>
Tensor pool(const Node& node, const Tensor& x, Pixel pixel) {
  const Attributes& a = node.attributes;
  Tensor result(node.output_shape);
  const std::int64_t plane_size = x.shape[2] * x.shape[3];
  float* out = result.values.data();
  for (std::int64_t plane = 0; plane < x.shape[0] * x.shape[1]; ++plane) {
    const float* image = x.values.data() + plane * plane_size;
    for (std::int64_t oy = 0; oy < result.shape[2]; ++oy) {
      for (std::int64_t ox = 0; ox < result.shape[3]; ++ox) {
        *out++ = pixel(image, oy * a.stride[0] - a.padding.top, ox * a.stride[1] - a.padding.left);
      }
    }
  }
  return result;
}

}  // namespace

void add_product(const MatrixView<const float>& a, const MatrixView<const float>& b,
                 const MatrixView<float>& c) {
  for (std::int64_t left = 0; left < b.columns; left += kBlockColumns) {
    const std::int64_t width = std::min(kBlockColumns, b.columns - left);
    for (std::int64_t top = 0; top < b.rows; top += kBlockRows) {
      const std::int64_t bottom = std::min(top + kBlockRows, b.rows);
      for (std::int64_t row = 0; row < a.rows; ++row) {
        float* __restrict__ sums = c.values + row * c.stride + left;
        for (std::int64_t k = top; k < bottom; ++k) {
          const float factor = a.values[row * a.stride + k];
          const float* __restrict__ terms = b.values + k * b.stride + left;
          for (std::int64_t i = 0; i < width; ++i) sums[i] += factor * terms[i];
        }
      }
    }
  }
}

Tensor conv(const Node& node, const Tensor& x, const Weights& weights) {
  const Shape& kernel = node.weight_shapes.at("weight");
  const std::int64_t groups = node.attributes.groups;
  const std::int64_t outputs = kernel[0] / groups;
  const std::int64_t terms = kernel[1] * kernel[2] * kernel[3];
  const std::vector<float> bias = bias_of(node, weights, kernel[0]);
  Tensor result(node.output_shape);
  const std::int64_t pixels = result.shape[2] * result.shape[3];
  std::vector<float> columns(static_cast<std::size_t>(terms * std::min(kBlockColumns, pixels)));
  for (std::int64_t part = 0; part < x.shape[0] * groups; ++part) {
    const ConvGroup group{
        node.attributes, x.values.data() + part * kernel[1] * x.shape[2] * x.shape[3],
        kernel[1],       x.shape[2],
        x.shape[3],      result.shape[3]};
    const std::int64_t first_channel = part % groups * outputs;
    float* out = result.values.data() + part * outputs * pixels;
    for (std::int64_t channel = 0; channel < outputs; ++channel) {
      std::fill_n(out + channel * pixels, pixels,
                  bias[static_cast<std::size_t>(first_channel + channel)]);
    }
    const float* filters = weight(node, weights, "weight") + first_channel * terms;
    for (std::int64_t first = 0; first < pixels; first += kBlockColumns) {
      const std::int64_t width = std::min(kBlockColumns, pixels - first);
      gather(group, first, {columns.data(), terms, width, width});
      add_product({filters, outputs, terms, terms}, {columns.data(), terms, width, width},
                  {out + first, outputs, width, pixels});
    }
  }
  return result;
}

Tensor linear(const Node& node, const Tensor& x, const Weights& weights) {
  const Shape& matrix = node.weight_shapes.at("weight");
  const std::vector<float> bias = bias_of(node, weights, matrix[0]);
  const float* rows = weight(node, weights, "weight");
  Tensor result(node.output_shape);
  const std::int64_t vectors = element_count(x.shape) / matrix[1];
  // Outputs outside: each weight row is read from memory once.
  for (std::int64_t out = 0; out < matrix[0]; ++out) {
    for (std::int64_t vector = 0; vector < vectors; ++vector) {
      result.values[static_cast<std::size_t>(vector * matrix[0] + out)] =
          bias[static_cast<std::size_t>(out)] +
          dot(x.values.data() + vector * matrix[1], rows + out * matrix[1], matrix[1]);
    }
  }
  return result;
}

Tensor batch_norm(const Node& node, Tensor x, const Weights& weights) {
  const float* scale = weight(node, weights, "scale");
  const float* bias = weight(node, weights, "bias");
  const float* mean = weight(node, weights, "mean");
  const float* variance = weight(node, weights, "variance");
  const std::int64_t channels = x.shape[1];
  const std::int64_t plane = element_count(x.shape) / (x.shape[0] * channels);
  float* value = x.values.data();
  for (std::int64_t part = 0; part < x.shape[0] * channels; ++part) {
    const std::int64_t channel = part % channels;
    const double factor =
        scale[channel] / std::sqrt(double{variance[channel]} + node.attributes.epsilon);
    const auto slope = static_cast<float>(factor);
    const auto offset = static_cast<float>(bias[channel] - factor * mean[channel]);
    for (std::int64_t i = 0; i < plane; ++i) value[i] = value[i] * slope + offset;
    value += plane;
  }
  return x;
}

Tensor max_pool(const Node& node, const Tensor& x) {
  const Attributes& a = node.attributes;
  const std::int64_t height = x.shape[2];
  const std::int64_t width = x.shape[3];
  return pool(node, x, [&](const float* image, std::int64_t top, std::int64_t left) {
    const Span rows = covered(top, a.kernel[0], a.dilation[0], height);
    const Span columns = covered(left, a.kernel[1], a.dilation[1], width);
    float largest = -std::numeric_limits<float>::infinity();
    for (std::int64_t iy = rows.begin; iy < rows.end; iy += rows.step) {
      for (std::int64_t ix = columns.begin; ix < columns.end; ix += columns.step) {
        largest = std::max(largest, image[iy * width + ix]);
      }
    }
    return largest;
  });
}

Tensor avg_pool(const Node& node, const Tensor& x) {
  const Attributes& a = node.attributes;
  const std::int64_t height = x.shape[2];
  const std::int64_t width = x.shape[3];
  return pool(node, x, [&](const float* image, std::int64_t top, std::int64_t left) {
    const Span rows = covered(top, a.kernel[0], 1, height);
    const Span columns = covered(left, a.kernel[1], 1, width);
    double sum = 0.0;
    for (std::int64_t iy = rows.begin; iy < rows.end; ++iy) {
      for (std::int64_t ix = columns.begin; ix < columns.end; ++ix) sum += image[iy * width + ix];
    }
    std::int64_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
    if (a.count_include_pad) {
      // What ceil mode adds beyond the padding does not count (as in PyTorch).
      count = (std::min(top + a.kernel[0], height + a.padding.bottom) - top) *
              (std::min(left + a.kernel[1], width + a.padding.right) - left);
    }
    return static_cast<float>(sum / static_cast<double>(count));
  });
}

Tensor global_avg_pool(const Node& node, const Tensor& x) {
  Tensor result(node.output_shape);
  const std::int64_t plane = x.shape[2] * x.shape[3];
  const float* value = x.values.data();
  for (float& mean : result.values) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < plane; ++i) sum += *value++;
    mean = static_cast<float>(sum / static_cast<double>(plane));
  }
  return result;
}

}  // namespace wbs::networks::reference
