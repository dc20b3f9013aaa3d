// A rank's child process: started, talked to, killed, respawned. A crash in it costs one attempt.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/frames.hpp"
#include "harness/posix_file.hpp"

namespace wbs::harness {

/// How to start a child.
struct ChildOptions {
  std::vector<std::string> command;  ///< program path and arguments; runs worker_main
  std::string log_path;              ///< its stdout and stderr are appended here
  int threads = 1;                   ///< told to OpenMP and OpenBLAS through the environment
};

/// The child runs in its own process group, may use every core whatever mpirun pinned the rank to,
/// has none of MPI's environment or descriptors, and dies with the thread that started it.
class ChildProcess {
 public:
  /// Throws Error(io) when the program or the log cannot be opened or a process cannot be made.
  explicit ChildProcess(const ChildOptions& options);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  /// Kills the child's process group and waits for it.
  ~ChildProcess();

  /// False when the child is gone.
  [[nodiscard]] bool send(const nlohmann::json& message);
  /// The next message, without waiting. Sets `gone()` at the end of the stream.
  [[nodiscard]] std::optional<nlohmann::json> receive();
  [[nodiscard]] bool gone() const noexcept { return gone_; }
  /// Readable when a message or the child's end can be received.
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }

  /// Kills the process group, waits, and says how the child ended: "killed by SIGSEGV (Segmentation
  /// fault)".
  std::string finish();

  /// Bytes in the log so far.
  [[nodiscard]] std::uint64_t log_size() const { return log_.size(); }

 private:
  Descriptor socket_;
  PosixFile log_;
  FrameReader reader_;
  pid_t pid_ = -1;
  bool gone_ = false;
  std::string ending_;
};

}  // namespace wbs::harness
