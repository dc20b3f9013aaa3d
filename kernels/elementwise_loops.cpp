#include "kernels/elementwise_loops.hpp"

#include <array>

#include "kernels/instruction_sets.hpp"

namespace wbs::kernels {
namespace {

constexpr std::array kLoops{
    ElementwiseLoops{"avx512", refuse_avx512, kAvx512Rows, add_avx512},
    ElementwiseLoops{"avx2", refuse_avx2, kAvx2Rows, add_avx2},
    ElementwiseLoops{"generic", refuse_nothing, kGenericRows, add_generic},
};

}  // namespace

std::span<const ElementwiseLoops> all_elementwise_loops() noexcept {
  return kLoops;
}

const ElementwiseLoops& elementwise_loops() noexcept {
  for (const ElementwiseLoops& loops : kLoops) {
    if (loops.refuse() == nullptr) return loops;
  }
  return kLoops.back();
}

}  // namespace wbs::kernels
