#include "trainers/methods/methods.hpp"

#include <array>

#include "trainers/methods/kinds.hpp"

namespace wbs::trainers {

std::span<const MethodKind> methods() noexcept {
  static const std::array<MethodKind, 13> kinds{
      one_time_kind(), incremental_kind(),  gradual_kind(),       predetermined_kind(), asp_kind(),
      channel_kind(),  sr_ste_kind(),       sdgp_kind(),          sdwp_kind(),          bdwp_kind(),
      bi_mask_kind(),  transposable_kind(), trainable_mask_kind()};
  return kinds;
}

}  // namespace wbs::trainers
