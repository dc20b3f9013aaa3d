// Signals as events: SIGTERM, SIGINT and SIGUSR1 ask a sweep to stop in order.
#pragma once

namespace wbs::harness {

/// While one exists, the three signals are counted instead of ending the process, and SIGXFSZ is
/// ignored so that a full disk is an error of write(2). The former handlers return with its end.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// The first signal that came, 0 when none.
  [[nodiscard]] static int first() noexcept;
  /// How many came: a second one means "now".
  [[nodiscard]] static int count() noexcept;
  /// "SIGTERM".
  [[nodiscard]] static const char* name(int signal) noexcept;
};

}  // namespace wbs::harness
