// The ranked table of element-wise loops.
#pragma once

#include <span>

#include "kernels/elementwise_rows.hpp"

namespace wbs::kernels {

/// The loops of one instruction set.
struct ElementwiseLoops {
  const char* name;                  ///< "avx512"
  const char* (*refuse)() noexcept;  ///< why this CPU cannot run them; null when it can
  const ElementRows* rows;           ///< by Element
  AddFloats add;
};

/// Fastest first; the last one runs anywhere.
[[nodiscard]] std::span<const ElementwiseLoops> all_elementwise_loops() noexcept;

/// The first that this CPU can run.
[[nodiscard]] const ElementwiseLoops& elementwise_loops() noexcept;

}  // namespace wbs::kernels
