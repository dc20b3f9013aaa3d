#include "kernels/element.hpp"

#include <fmt/format.h>

namespace wbs::kernels {

Result<Element> parse_element(std::string_view name) {
  for (const Element element : {Element::f32, Element::bf16, Element::u8}) {
    if (to_string(element) == name) return element;
  }
  return refusal(fmt::format("type '{}' is unknown: expected fp32, bf16 or int8", name));
}

}  // namespace wbs::kernels
