#include "apps/element_name.hpp"

namespace wbs::apps {

Result<kernels::Element> parse_element(const std::string& text) {
  for (const kernels::Element element :
       {kernels::Element::f32, kernels::Element::bf16, kernels::Element::u8}) {
    if (text == kernels::to_string(element)) return element;
  }
  return refusal("'" + text + "' is no type: expected fp32, bf16 or int8");
}

}  // namespace wbs::apps
