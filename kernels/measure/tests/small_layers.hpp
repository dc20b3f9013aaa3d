// Small layers for tests of what is measured.
#pragma once

#include <memory>
#include <string>

#include "kernels/measure/problem.hpp"

namespace wbs::kernels::measure::tests {

/// 3x3 with padding, odd extents, residual and ReLU.
inline LayerRequest small_layer(Element element) {
  LayerRequest request;
  request.name = "small";
  request.shape.in_channels = 16;
  request.shape.height = 7;
  request.shape.width = 9;
  request.shape.out_channels = 24;
  request.shape.kernel = {3, 3};
  request.shape.pad_top = request.shape.pad_left = 1;
  request.shape.pad_bottom = request.shape.pad_right = 1;
  request.element = element;
  request.residual = true;
  request.low = 0.0F;
  return request;
}

inline std::unique_ptr<LayerProblem> small_problem(const LayerRequest& request,
                                                   const std::string& pattern = "dense") {
  MaskChoice choice;
  choice.pattern = value_or_throw(sparsity::parse_pattern(pattern));
  return make_problem(request, choice);
}

}  // namespace wbs::kernels::measure::tests
