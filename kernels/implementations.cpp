#include "kernels/implementations.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

namespace wbs::kernels {
namespace {

const char* refuse_avx2() noexcept {
  if (!__builtin_cpu_supports("avx2")) return "the CPU has no AVX2";
  if (!__builtin_cpu_supports("fma")) return "the CPU has no FMA";
  return nullptr;
}

const char* refuse_avx512() noexcept {
  for (const char* reason : {refuse_avx2()}) {
    if (reason != nullptr) return reason;
  }
  const bool all = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return all ? nullptr : "the CPU has no AVX-512 F, BW, DQ and VL";
}

const char* refuse_avx512_vnni() noexcept {
  if (const char* reason = refuse_avx512()) return reason;
  return __builtin_cpu_supports("avx512vnni") ? nullptr : "the CPU has no AVX-512 VNNI";
}

const char* refuse_avx512_bf16() noexcept {
  if (const char* reason = refuse_avx512()) return reason;
  return __builtin_cpu_supports("avx512bf16") ? nullptr : "the CPU has no AVX-512 BF16";
}

const char* refuse_nothing() noexcept {
  return nullptr;
}

constexpr std::array kImplementations{
    Implementation{"avx512", Element::f32, "AVX-512 F, BW, DQ, VL", refuse_avx512, tile_avx512,
                   every_second_avx2, winograd_avx512},
    Implementation{"avx2", Element::f32, "AVX2, FMA", refuse_avx2, tile_avx2, every_second_avx2,
                   winograd_reference},
    Implementation{"reference", Element::f32, "any", refuse_nothing, tile_reference,
                   every_second_reference, winograd_reference},
    Implementation{"avx512_bf16", Element::bf16, "AVX-512 BF16", refuse_avx512_bf16,
                   tile_avx512_bf16, every_second_avx2},
    Implementation{"avx512", Element::bf16, "AVX-512 F, BW, DQ, VL", refuse_avx512, tile_avx512,
                   every_second_avx2},
    Implementation{"avx2", Element::bf16, "AVX2, FMA", refuse_avx2, tile_avx2, every_second_avx2},
    Implementation{"reference", Element::bf16, "any", refuse_nothing, tile_reference,
                   every_second_reference},
    Implementation{"avx512_vnni", Element::u8, "AVX-512 VNNI", refuse_avx512_vnni, tile_avx512_vnni,
                   every_second_avx2},
    Implementation{"avx512", Element::u8, "AVX-512 F, BW, DQ, VL", refuse_avx512, tile_avx512,
                   every_second_avx2},
    Implementation{"avx2", Element::u8, "AVX2, FMA", refuse_avx2, tile_avx2, every_second_avx2},
    Implementation{"reference", Element::u8, "any", refuse_nothing, tile_reference,
                   every_second_reference},
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
