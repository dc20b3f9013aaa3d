#include "kernels/implementations.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

#include "kernels/instruction_sets.hpp"

namespace wbs::kernels {
namespace {

constexpr std::array kImplementations{
    Implementation{"avx512", Element::f32, "AVX-512 F, BW, DQ, VL", refuse_avx512, tile_avx512,
                   every_second_avx2, kAvx512Rows, winograd_avx512},
    Implementation{"avx2", Element::f32, "AVX2, FMA", refuse_avx2, tile_avx2, every_second_avx2,
                   kAvx2Rows, winograd_reference},
    Implementation{"reference", Element::f32, "any", refuse_nothing, tile_reference,
                   every_second_reference, kGenericRows, winograd_reference},
    Implementation{"avx512_bf16", Element::bf16, "AVX-512 BF16", refuse_avx512_bf16,
                   tile_avx512_bf16, every_second_avx2, kAvx512Rows},
    Implementation{"avx512", Element::bf16, "AVX-512 F, BW, DQ, VL", refuse_avx512, tile_avx512,
                   every_second_avx2, kAvx512Rows},
    Implementation{"avx2", Element::bf16, "AVX2, FMA", refuse_avx2, tile_avx2, every_second_avx2,
                   kAvx2Rows},
    Implementation{"reference", Element::bf16, "any", refuse_nothing, tile_reference,
                   every_second_reference, kGenericRows},
    Implementation{"avx512_vnni", Element::u8, "AVX-512 VNNI", refuse_avx512_vnni, tile_avx512_vnni,
                   every_second_avx2, kAvx512Rows},
    Implementation{"avx512", Element::u8, "AVX-512 F, BW, DQ, VL", refuse_avx512, tile_avx512,
                   every_second_avx2, kAvx512Rows},
    Implementation{"avx2", Element::u8, "AVX2, FMA", refuse_avx2, tile_avx2, every_second_avx2,
                   kAvx2Rows},
    Implementation{"reference", Element::u8, "any", refuse_nothing, tile_reference,
                   every_second_reference, kGenericRows},
};

}  // namespace

std::span<const Implementation> implementations() noexcept {
  return kImplementations;
}

Result<const Implementation*> choose_implementation(Element element, std::string_view force) {
  std::string names;
  for (const Implementation& candidate : kImplementations) {
    if (candidate.element != element) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", candidate.name);
    const char* reason = candidate.refuse();
    if (force.empty() && reason == nullptr) return &candidate;
    if (!force.empty() && candidate.name == force) {
      if (reason == nullptr) return &candidate;
      return refusal(fmt::format("implementation '{}' cannot run here: {}", force, reason));
    }
  }
  return refusal(fmt::format("no implementation '{}' of {} kernels; there are {}", force,
                             to_string(element), names));
}

std::vector<ImplementationInfo> list_implementations() {
  std::vector<ImplementationInfo> list;
  for (const Implementation& candidate : kImplementations) {
    const char* reason = candidate.refuse();
    list.push_back({candidate.name, to_string(candidate.element), candidate.isa,
                    reason == nullptr ? "" : reason});
  }
  return list;
}

}  // namespace wbs::kernels
