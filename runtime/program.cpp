#include "runtime/program.hpp"

#include "core/error.hpp"

namespace wbs::runtime {

std::string_view to_string(StepKind kind) noexcept {
  switch (kind) {
    case StepKind::convert:
      return "convert";
    case StepKind::conv:
      return "conv";
    case StepKind::pool:
      return "pool";
    case StepKind::global_average:
      return "global_average";
    case StepKind::add:
      return "add";
    case StepKind::affine:
      return "affine";
    case StepKind::concat:
      return "concat";
    case StepKind::flatten:
      return "flatten";
    case StepKind::reference:
      return "reference";
  }
  return "?";
}

kernels::Planes image_planes(const Shape& shape, kernels::Element element, int zero_point) {
  WBS_ASSERT(shape.size() == 4 || shape.size() == 2);
  const bool pixels = shape.size() == 4;
  return kernels::planes_of(element, shape[0], shape[1], pixels ? shape[2] : 1,
                            pixels ? shape[3] : 1,
                            element == kernels::Element::u8 ? zero_point : 0);
}

kernels::Planes row_planes(const Shape& shape, kernels::Element element, int zero_point) {
  const std::int64_t features = shape.back();
  return kernels::planes_of(element, element_count(shape) / features, features, 1, 1,
                            element == kernels::Element::u8 ? zero_point : 0);
}

}  // namespace wbs::runtime
