// Loops shared out to threads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_THREAD__)
#include <thread>
#include <vector>
#endif

// Of the OpenMP standard. Declared here because omp.h belongs to a compiler: the one that lints may
// have none.
extern "C" int omp_get_thread_num() noexcept;

namespace wbs::kernels {

/// More threads than this do no work.
inline constexpr int kMostThreads = 64;

/// The items of a loop, cut into one contiguous share per thread. A thread takes its own share in
/// order and then helps the others. So what a layer reads was mostly written by the same core in
/// the layer before, and a core that the system takes away delays one item, not half of them.
class Shares {
 public:
  Shares(int threads, std::int64_t count) noexcept
      : threads_(threads < kMostThreads ? threads : kMostThreads) {
    for (int t = 0; t < threads_; ++t) {
      share(t).next.store(count * t / threads_, std::memory_order_relaxed);
      share(t).end = count * (t + 1) / threads_;
    }
  }

  /// `body(i)` has run for each i that this thread could take.
  template <class Body>
  void work(int thread, const Body& body) noexcept {
    for (int turn = 0; turn < threads_; ++turn) {
      Share& from =
          share((thread + turn) % threads_);  // NOLINT(misc-const-correctness): its counter moves
      for (;;) {
        const std::int64_t i = from.next.fetch_add(1, std::memory_order_relaxed);
        if (i >= from.end) break;
        body(i);
      }
    }
  }

 private:
  struct alignas(64) Share {
    std::atomic<std::int64_t> next;
    std::int64_t end;
  };
  [[nodiscard]] Share& share(int thread) noexcept {
    return shares_[static_cast<std::size_t>(thread)];
  }

  int threads_;
  std::array<Share, kMostThreads> shares_;
};

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
  Shares first_shares(threads, first_count);
  Shares second_shares(threads, second_count);
#if defined(__SANITIZE_THREAD__)
  const auto run = [threads](Shares& shares, const auto& body) {
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) workers.emplace_back([&, t] { shares.work(t, body); });
    for (std::thread& worker : workers) worker.join();
  };
  run(first_shares, first);
  run(second_shares, second);
#else
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num();
    if (first_count > 0) {
      first_shares.work(thread, first);
#pragma omp barrier
    }
    second_shares.work(thread, second);
  }
#endif
}

}  // namespace wbs::kernels
