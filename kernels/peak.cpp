#include "kernels/peak.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>

#include "kernels/buffer.hpp"
#include "kernels/peak_isa.hpp"

namespace wbs::kernels {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The portable bursts: whatever the compiler makes of them is what a portable kernel gets.
float burst_f32_portable(long rounds) noexcept {
  std::array<float, 8 * isa::kBurst> sums{};
  const float addend = static_cast<float>(rounds & 3) + 1.0F;
  for (long round = 0; round < rounds; ++round) {
    for (float& sum : sums) sum = sum * 0.5F + addend;
  }
  float total = 0.0F;
  for (const float sum : sums) total += sum;
  return total;
}

long read_lines_portable(const void* data, long lines) noexcept {
  std::array<long, 8> sums{};
  const auto* at = static_cast<const char*>(data);
  for (long line = 0; line < lines; ++line, at += 64) {
    std::array<long, 8> words{};
    std::memcpy(words.data(), at, sizeof words);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] ^= words[i];
  }
  return sums[0] ^ sums[1] ^ sums[2] ^ sums[3] ^ sums[4] ^ sums[5] ^ sums[6] ^ sums[7];
}

/// A burst with what one of its instructions does.
struct Burst {
  std::string_view instruction;
  double ops;  ///< per instruction, two per multiply-accumulate
  double (*run)(long rounds);
};

constexpr Burst kPortable{"portable fp32", 8 * 2,
                          [](long n) { return static_cast<double>(burst_f32_portable(n)); }};

#if defined(__x86_64__)
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") != 0;
}
bool has_avx2() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
}

Burst burst_for(Element element) {
  if (element == Element::u8 && has_avx512() && __builtin_cpu_supports("avx512vnni") != 0) {
    return {"vpdpbusd zmm", 64 * 2,
            [](long n) { return static_cast<double>(isa::burst_int8_avx512(n)); }};
  }
  if (element == Element::u8 && has_avx2()) {
    return {"vpmaddubsw ymm", 32 * 2,
            [](long n) { return static_cast<double>(isa::burst_int8_avx2(n)); }};
  }
  if (element == Element::bf16 && has_avx512() && __builtin_cpu_supports("avx512bf16") != 0) {
    return {"vdpbf16ps zmm", 32 * 2,
            [](long n) { return static_cast<double>(isa::burst_bf16_avx512(n)); }};
  }
  if (has_avx512()) {
    return {"vfmadd ps zmm", 16 * 2,
            [](long n) { return static_cast<double>(isa::burst_f32_avx512(n)); }};
  }
  if (has_avx2()) {
    return {"vfmadd ps ymm", 8 * 2,
            [](long n) { return static_cast<double>(isa::burst_f32_avx2(n)); }};
  }
  return kPortable;
}

long read_lines(const void* data, long lines) {
  if (has_avx512()) return isa::read_lines_avx512(data, lines);
  return has_avx2() ? isa::read_lines_avx2(data, lines) : read_lines_portable(data, lines);
}
#else
Burst burst_for(Element) {
  return kPortable;
}
long read_lines(const void* data, long lines) {
  return read_lines_portable(data, lines);
}
#endif

/// Seconds of the fastest of many bursts of `rounds` rounds; all threads start together.
double fastest_burst(const Burst& burst, long rounds, int threads) {
  constexpr int kBursts = 100;
  double fastest = 1e9;
  for (int i = 0; i < kBursts; ++i) {
    double checksum = 0.0;
    const Clock::time_point start = Clock::now();
    if (threads == 1) {
      checksum = burst.run(rounds);
    } else {
#pragma omp parallel num_threads(threads) reduction(+ : checksum)
      checksum += burst.run(rounds);
    }
    const double elapsed = seconds_since(start);
    volatile const double sink = checksum;
    static_cast<void>(sink);
    fastest = std::min(fastest, elapsed);
  }
  return fastest;
}

}  // namespace

Peak measure_peak(Element element, int threads) {
  const Burst burst = burst_for(element);
  // 40,000 rounds of 12 instructions at one or two per cycle: 0.1 ms at least.
  constexpr long kRounds = 40'000;
  const double seconds = fastest_burst(burst, kRounds, threads);
  const double instructions = static_cast<double>(kRounds * isa::kBurst) * threads;
  return {burst.instruction, instructions * burst.ops / seconds};
}

double measure_read_bandwidth(std::int64_t size_bytes) {
  Buffer buffer(static_cast<std::size_t>(size_bytes));
  std::memset(buffer.data(), 1, buffer.size());
  const auto lines = static_cast<long>(size_bytes / 64);
  // Small buffers are read often enough for the clock.
  const auto passes = static_cast<long>(std::max<std::int64_t>(1, (4 << 20) / size_bytes));
  double fastest = 1e9;
  for (int i = 0; i < 7; ++i) {
    long checksum = 0;
    const Clock::time_point start = Clock::now();
    for (long pass = 0; pass < passes; ++pass) checksum += read_lines(buffer.data(), lines);
    const double elapsed = seconds_since(start);
    volatile const long sink = checksum;
    static_cast<void>(sink);
    fastest = std::min(fastest, elapsed / static_cast<double>(passes));
  }
  return static_cast<double>(lines) * 64.0 / fastest;
}

CacheSizes cache_sizes() {
  // Not sysconf: glibc 2.36 multiplies the L3 of virtual AMD machines by their cores.
  const auto size_of = [](const char* path, std::int64_t fallback) {
    std::ifstream file(path);
    std::int64_t kibibytes = 0;
    return file >> kibibytes && kibibytes > 0 ? kibibytes << 10 : fallback;
  };
  const CacheSizes usual;
  return {size_of("/sys/devices/system/cpu/cpu0/cache/index2/size", usual.l2),
          size_of("/sys/devices/system/cpu/cpu0/cache/index3/size", usual.l3)};
}

}  // namespace wbs::kernels
