// What this machine can do at best: the yardsticks of every measurement.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/element.hpp"

namespace wbs::kernels {

/// Measured throughput of multiply-accumulates from registers.
struct Peak {
  std::string_view instruction;  ///< "vfmadd231ps zmm", "vpdpbusd zmm", ...
  double ops_per_s = 0.0;        ///< two per multiply-accumulate, all threads together
};

/// The best of many short bursts of the widest instruction that the CPU has for `element`, on
/// `threads` threads at once: about 50 ms. Where the CPU has no instruction for the type (bf16
/// without AVX512_BF16), the peak is that of fp32, which any implementation there must use.
[[nodiscard]] Peak measure_peak(Element element, int threads = 1);

/// Bytes per second that one thread reads from a buffer of `size_bytes` that it has just read, the
/// best of several passes. The size decides which cache or memory answers.
[[nodiscard]] double measure_read_bandwidth(std::int64_t size_bytes);

/// Sizes in bytes of this machine's caches as the system reports them, for one core; where it says
/// nothing, 1 MiB and 32 MiB.
struct CacheSizes {
  std::int64_t l2 = std::int64_t{1} << 20;
  std::int64_t l3 = std::int64_t{32} << 20;
};
[[nodiscard]] CacheSizes cache_sizes();

}  // namespace wbs::kernels
