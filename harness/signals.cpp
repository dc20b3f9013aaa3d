#include "harness/signals.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>

namespace wbs::harness {
namespace {

constexpr std::array<int, 3> kSignals = {SIGTERM, SIGINT, SIGUSR1};

struct Received {
  std::atomic<int> first{0};
  std::atomic<int> count{0};
  std::array<struct sigaction, 4> former{};
};

// A handler can reach nothing but a global. Constant-initialised.
constinit Received received;

extern "C" void count_signal(int signal) {
  int none = 0;
  received.first.compare_exchange_strong(none, signal);
  received.count.fetch_add(1);
}

}  // namespace

SignalWatch::SignalWatch() {
  received.first = 0;
  received.count = 0;
  struct sigaction action{};
  action.sa_handler = &count_signal;  // no SA_RESTART: a waiting poll returns at once
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &action, &received.former[i]);
  }
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &action, &received.former.back());
}

SignalWatch::~SignalWatch() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &received.former[i], nullptr);
  }
  ::sigaction(SIGXFSZ, &received.former.back(), nullptr);
}

int SignalWatch::first() noexcept {
  return received.first;
}
int SignalWatch::count() noexcept {
  return received.count;
}

const char* SignalWatch::name(int signal) noexcept {
  switch (signal) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGUSR1:
      return "SIGUSR1";
    default:
      return "signal";
  }
}

}  // namespace wbs::harness
