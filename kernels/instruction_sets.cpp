#include "kernels/instruction_sets.hpp"

namespace wbs::kernels {

const char* refuse_avx2() noexcept {
  if (!__builtin_cpu_supports("avx2")) return "the CPU has no AVX2";
  if (!__builtin_cpu_supports("fma")) return "the CPU has no FMA";
  return nullptr;
}

const char* refuse_avx512() noexcept {
  if (const char* reason = refuse_avx2()) return reason;
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

}  // namespace wbs::kernels
