#include "harness/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace wbs::harness {
namespace {

constexpr std::chrono::duration<double> kLivePause{0.2};
constexpr std::chrono::duration<double> kLongestPause{300.0};
constexpr double kPauseGrowth = 1.5;

std::string clock_text(double seconds) {
  const long whole = std::lround(seconds);
  if (whole >= 3600) {
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

std::string progress_text(const ProgressState& state, double elapsed_s) {
  const double percent =
      state.total == 0 ? 100.0
                       : 100.0 * static_cast<double>(state.done) / static_cast<double>(state.total);
  const auto width = fmt::formatted_size("{}", state.total);
  std::string text = fmt::format("[{:{}}/{}] {:3.0f}%", state.done, width, state.total, percent);
  if (state.failed > 0) text += fmt::format("  {} not passed", state.failed);
  if (state.run > 0 && elapsed_s > 0) {
    const double rate = static_cast<double>(state.run) / elapsed_s;
    text += fmt::format("  {:.{}f} tasks/s", rate, rate < 10 ? 2 : 0);
    if (state.done < state.total) text += "  ETA " + clock_text(state.expected_left_s);
  }
  return text;
}

Progress::Progress(bool enabled)
    : enabled_(enabled), terminal_(::isatty(STDERR_FILENO) == 1), next_(started_) {
  if (!terminal_) next_ += std::chrono::duration_cast<Clock::duration>(pause_);
}

Progress::~Progress() {
  if (live_) std::fputc('\n', stderr);
}

bool Progress::due() const {
  return enabled_ && Clock::now() >= next_;
}

void Progress::show(const ProgressState& state) {
  if (!due()) return;
  const auto now = Clock::now();
  if (terminal_) {
    next_ = now + std::chrono::duration_cast<Clock::duration>(kLivePause);
  } else {
    pause_ = std::min(kLongestPause, pause_ * kPauseGrowth);
    next_ = now + std::chrono::duration_cast<Clock::duration>(pause_);
  }
  write(state);
}

void Progress::finish(const ProgressState& state) {
  if (enabled_) write(state);
}

void Progress::write(const ProgressState& state) {
  const double elapsed = std::chrono::duration<double>(Clock::now() - started_).count();
  const std::string text = progress_text(state, elapsed);
  if (terminal_) {
    fmt::print(stderr, "\r{}\x1b[K", text);
    live_ = true;
  } else {
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

}  // namespace wbs::harness
