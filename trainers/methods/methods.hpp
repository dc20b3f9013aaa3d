// Every sparse-training method.
#pragma once

#include <span>

#include "trainers/method.hpp"

namespace wbs::trainers {

/// All methods but `dense`, in the order in which they are listed.
[[nodiscard]] std::span<const MethodKind> methods() noexcept;

}  // namespace wbs::trainers
