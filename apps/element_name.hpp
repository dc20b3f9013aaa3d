// Types of activations as a user names them.
#pragma once

#include <string>

#include "core/error.hpp"
#include "kernels/element.hpp"

namespace wbs::apps {

/// "fp32", "bf16" or "int8".
[[nodiscard]] Result<kernels::Element> parse_element(const std::string& text);

}  // namespace wbs::apps
