// Descriptors of single primitives, as a careful user of oneDNN asks for them.
#pragma once

#include <cstdint>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <vector>

#include "networks/graph.hpp"

namespace wbs::runtime::peers {

/// How one value is stored: row-major extents, element type, and what an integer stands for.
struct Stored {
  dnnl::memory::dims dims;
  dnnl::memory::data_type type = dnnl::memory::data_type::f32;
  float scale = 1.0F;  ///< of u8 and s8
};

/// What follows a sum, in real numbers.
struct After {
  std::optional<Stored> residual;
  float low, high;
};

/// A convolution or matrix product to be described.
struct LayerRequest {
  const networks::Node* node;
  Stored source, destination;
  dnnl::memory::dims weight_dims;
  dnnl::memory::data_type weight_type;
  std::vector<float> weight_scales;  ///< int8: one per output channel; else empty
  After after;
};

/// Output scales and post-operations of a layer.
[[nodiscard]] dnnl::primitive_attr layer_attributes(const LayerRequest& request);

[[nodiscard]] dnnl::convolution_forward::primitive_desc describe_convolution(
    const LayerRequest& request, dnnl::algorithm algorithm, const dnnl::engine& engine);

[[nodiscard]] dnnl::inner_product_forward::primitive_desc describe_product(
    const LayerRequest& request, const dnnl::engine& engine);

/// ReLU or clip behind a primitive whose result is divided by `scale`; nothing when unbounded.
void append_clip(dnnl::post_ops& operations, float low, float high, float scale);

/// A Winograd convolution for the layer when it is faster than `direct`, the reorders that its
/// formats need beside row-major neighbours included.
[[nodiscard]] std::optional<dnnl::convolution_forward::primitive_desc> faster_winograd(
    const LayerRequest& request, const dnnl::convolution_forward::primitive_desc& direct,
    const dnnl::engine& engine);

}  // namespace wbs::runtime::peers
