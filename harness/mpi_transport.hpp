// Messages over MPI: the only file of the project that knows it.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "harness/transport.hpp"

namespace wbs::harness {

/// Ranks of MPI_COMM_WORLD. Without mpirun: one rank. Receiving never blocks in MPI, because a
/// blocking MPI_Recv burns a core. One per process; use it from the thread that made it.
class MpiTransport final : public Transport {
 public:
  /// Initialises MPI.
  MpiTransport(int* argc, char*** argv);
  /// Finalises MPI: every rank must get here, or the job hangs; `with_ranks` sees to it.
  ~MpiTransport() override;

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  void send(int to, std::string bytes) override;
  [[nodiscard]] std::optional<Message> receive() override;
  void flush() override;

 private:
  struct Pending;
  void reap();

  int rank_ = 0;
  int size_ = 1;
  std::deque<std::string> own_;
  std::vector<std::unique_ptr<Pending>> pending_;
};

/// True when this process was started by mpirun or a compatible launcher. Starting MPI takes longer
/// than many commands, so a program that need not use it can ask first.
[[nodiscard]] bool started_by_mpi_launcher() noexcept;

}  // namespace wbs::harness
