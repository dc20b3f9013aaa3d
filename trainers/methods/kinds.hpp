// One function per training method; methods.hpp lists them.
#pragma once

#include "trainers/method.hpp"

namespace wbs::trainers {

[[nodiscard]] MethodKind one_time_kind() noexcept;
[[nodiscard]] MethodKind incremental_kind() noexcept;
[[nodiscard]] MethodKind trainable_mask_kind() noexcept;
[[nodiscard]] MethodKind predetermined_kind() noexcept;
[[nodiscard]] MethodKind gradual_kind() noexcept;
[[nodiscard]] MethodKind asp_kind() noexcept;
[[nodiscard]] MethodKind channel_kind() noexcept;
[[nodiscard]] MethodKind sr_ste_kind() noexcept;
[[nodiscard]] MethodKind sdgp_kind() noexcept;
[[nodiscard]] MethodKind sdwp_kind() noexcept;
[[nodiscard]] MethodKind bdwp_kind() noexcept;
[[nodiscard]] MethodKind transposable_kind() noexcept;
[[nodiscard]] MethodKind bi_mask_kind() noexcept;

}  // namespace wbs::trainers
