// What a CPU must have for the files with their own compiler flags: questions of the ranked tables.
#pragma once

namespace wbs::kernels {

// Why this CPU cannot run files of a set; null when it can.

/// AVX2 and FMA.
[[nodiscard]] const char* refuse_avx2() noexcept;
/// AVX-512 F, BW, DQ, VL.
[[nodiscard]] const char* refuse_avx512() noexcept;
/// These and VNNI.
[[nodiscard]] const char* refuse_avx512_vnni() noexcept;
/// These and BF16.
[[nodiscard]] const char* refuse_avx512_bf16() noexcept;
/// None: always null.
[[nodiscard]] const char* refuse_nothing() noexcept;

}  // namespace wbs::kernels
