// How far a sweep is, for the person who waits: to stderr.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace wbs::harness {

/// What there is to tell.
struct ProgressState {
  std::size_t done = 0;  ///< tasks that are over, reused ones included
  std::size_t total = 0;
  std::size_t failed = 0;  ///< tasks that did not pass
  std::size_t run = 0;     ///< tasks that ended in this run
  double expected_left_s = 0.0;
};

/// "[ 120/500]  24%  3 failed  41.2 tasks/s  ETA 0:12".
[[nodiscard]] std::string progress_text(const ProgressState& state, double elapsed_s);

/// One line, rewritten in place, on a terminal; elsewhere a plain line now and then (at first every
/// 10 seconds, then ever more rarely), so that a log stays short.
class Progress {
 public:
  explicit Progress(bool enabled);
  /// Ends the live line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// True when `show` would write something now: spares the caller counting.
  [[nodiscard]] bool due() const;
  void show(const ProgressState& state);
  /// The last line, whatever the time.
  void finish(const ProgressState& state);

 private:
  using Clock = std::chrono::steady_clock;
  void write(const ProgressState& state);

  bool enabled_;
  bool terminal_;
  bool live_ = false;
  Clock::time_point started_ = Clock::now();
  Clock::time_point next_;
  std::chrono::duration<double> pause_{10.0};
};

}  // namespace wbs::harness
