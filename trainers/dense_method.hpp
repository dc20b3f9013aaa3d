// Training without sparsity: what every method is compared with.
#pragma once

#include "trainers/method.hpp"

namespace wbs::trainers {

/// All products dense; a pattern other than dense is refused.
[[nodiscard]] const MethodKind& dense_method() noexcept;

}  // namespace wbs::trainers
