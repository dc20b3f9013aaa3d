// Loops shared out to threads.
#pragma once

#include <cstdint>

#if defined(__SANITIZE_THREAD__)
#include <atomic>
#include <thread>
#include <vector>
#endif

namespace wbs::kernels {

/// `first(i)` has run for every i in [0, first_count), and after all of these `second(i)` for every
/// i in [0, second_count), on `threads` threads. Which thread runs which i is not determined. The
/// bodies must not throw. OpenMP, except where the thread sanitizer watches: it knows nothing of
/// libgomp's barriers and would report every loop.
template <class First, class Second>
void parallel_phases(int threads, std::int64_t first_count, const First& first,
                     std::int64_t second_count, const Second& second) noexcept {
  if (threads <= 1) {
    for (std::int64_t i = 0; i < first_count; ++i) first(i);
    for (std::int64_t i = 0; i < second_count; ++i) second(i);
    return;
  }
#if defined(__SANITIZE_THREAD__)
  const auto run = [threads](std::int64_t count, const auto& body) {
    std::atomic<std::int64_t> next{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&] {
        for (std::int64_t i = next++; i < count; i = next++) body(i);
      });
    }
    for (std::thread& worker : workers) worker.join();
  };
  run(first_count, first);
  run(second_count, second);
#else
#pragma omp parallel num_threads(threads)
  {
#pragma omp for schedule(static)
    for (std::int64_t i = 0; i < first_count; ++i) first(i);
#pragma omp for schedule(dynamic)
    for (std::int64_t i = 0; i < second_count; ++i) second(i);
  }
#endif
}

}  // namespace wbs::kernels
