// Bursts of one instruction, each compiled for its instruction set. No standard headers here: see
// the rule for such files in this folder's README.
#pragma once

namespace wbs::kernels::isa {

// Each executes `rounds` rounds of kBurst independent multiply-accumulate instructions and returns
// a value that depends on all of them, so that none is dead.
inline constexpr long kBurst = 12;
float burst_f32_avx512(long rounds) noexcept;
float burst_bf16_avx512(long rounds) noexcept;
int burst_int8_avx512(long rounds) noexcept;
float burst_f32_avx2(long rounds) noexcept;
int burst_int8_avx2(long rounds) noexcept;  // vpmaddubsw, vpmaddwd, vpaddd count as one

// Exclusive-or of `lines` cache lines from `data` (64-byte aligned).
long read_lines_avx512(const void* data, long lines) noexcept;
long read_lines_avx2(const void* data, long lines) noexcept;

}  // namespace wbs::kernels::isa
