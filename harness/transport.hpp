// Messages between the ranks of a job. The engine sees only this; MPI is one way to carry them.
#pragma once

#include <deque>
#include <optional>
#include <string>

namespace wbs::harness {

/// Ordered, reliable messages between ranks; a rank may send to itself.
class Transport {
 public:
  struct Message {
    int from = 0;
    std::string bytes;
  };

  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  /// Queues the message; never waits for the receiver.
  virtual void send(int to, std::string bytes) = 0;
  /// The next message, if one has arrived. Never waits.
  [[nodiscard]] virtual std::optional<Message> receive() = 0;
  /// Waits until everything sent has left this process, so that it may end.
  virtual void flush() = 0;
};

/// One process, no MPI: messages go to itself.
class LocalTransport final : public Transport {
 public:
  [[nodiscard]] int rank() const override { return 0; }
  [[nodiscard]] int size() const override { return 1; }
  void send(int to, std::string bytes) override;
  [[nodiscard]] std::optional<Message> receive() override;
  void flush() override {}

 private:
  std::deque<std::string> queue_;
};

}  // namespace wbs::harness
