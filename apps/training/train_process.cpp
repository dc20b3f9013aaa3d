#include "apps/training/train_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "apps/paths.hpp"
#include "core/error.hpp"
#include "harness/posix_file.hpp"

namespace wbs::apps {
namespace {

using harness::Descriptor;
using nlohmann::json;

constexpr const char* kProgram = "wbs-train";

Error system_error(const std::string& what) {
  return {ErrorKind::io, fmt::format("{} ({})", what, std::strerror(errno))};
}

/// A file without a name that holds the request, to be read from its beginning.
Descriptor request_file(const json& request) {
  Descriptor file(::memfd_create("request", MFD_CLOEXEC));
  const std::string text = request.dump();
  if (!file.valid() ||
      ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::lseek(file.get(), 0, SEEK_SET) != 0) {
    throw system_error("no memory for a request to wbs-train");
  }
  return file;
}

/// One rank. Stopped and waited for at the latest when it goes out of scope.
class Rank {
 public:
  Rank(const std::string& program, const json& request, int output) {
    const Descriptor input = request_file(request);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw system_error("wbs-train cannot be started");
    if (pid_ == 0) become(program.c_str(), input.get(), output, parent);
  }
  Rank(Rank&& other) noexcept : pid_(other.pid_) { other.pid_ = -1; }
  Rank& operator=(Rank&&) = delete;
  Rank(const Rank&) = delete;
  Rank& operator=(const Rank&) = delete;
  ~Rank() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGTERM);
    static_cast<void>(finish());
  }

  /// Waits; the status as of waitpid.
  int finish() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  // Between fork and exec: async-signal-safe calls only.
  [[noreturn]] static void become(const char* program, int input, int output, pid_t parent) {
    // Not in the group that a rank kills: SIGTERM comes when the parent is gone, and leaves time
    // for a checkpoint.
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(0);
    ::dup2(input, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::execl(program, kProgram, nullptr);
    ::_exit(127);
  }

  pid_t pid_ = -1;
};

std::string ending(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format(
        "killed by signal {} ({})", WTERMSIG(status),
        WTERMSIG(status) == SIGKILL ? "probably out of memory" : ::sigdescr_np(WTERMSIG(status)));
  }
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

ErrorKind kind_of(int code) {
  for (const ErrorKind kind : {ErrorKind::usage, ErrorKind::input, ErrorKind::unsupported,
                               ErrorKind::io, ErrorKind::internal}) {
    if (exit_code(kind) == code) return kind;
  }
  return ErrorKind::internal;
}

/// Reads JSON lines until the result.
class Lines {
 public:
  explicit Lines(int descriptor) : stream_(::fdopen(descriptor, "r"), &std::fclose) {}

  /// The result, or null when the stream ends without one. Throws the error that is reported.
  json read(const TrainEvents& on_event) {
    char* line = nullptr;
    std::size_t capacity = 0;
    json result;
    while (result.is_null() && ::getline(&line, &capacity, stream_.get()) >= 0) {
      const json event = json::parse(line, nullptr, false);
      if (event.is_discarded() || !event.contains("event")) continue;
      if (event["event"] == "result") {
        result = event;
      } else if (event["event"] == "error") {
        const Error error(kind_of(event.value("exit_code", 70)),
                          "wbs-train: " + event.value("message", std::string("no message")));
        ::free(line);
        throw error;
      } else if (on_event) {
        on_event(event);
      }
    }
    ::free(line);
    return result;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream_;
};

std::string meeting_place() {
  static int count = 0;
  return fmt::format("/dev/shm/wbs-train-{}-{}", ::getpid(), count++);
}

}  // namespace

std::string train_refusal() {
  if (::access(sibling_program(kProgram).c_str(), X_OK) == 0) return "";
  return "this build has no wbs-train: install libtorch-dev and build again";
}

nlohmann::json list_train_methods() {
  if (const std::string reason = train_refusal(); !reason.empty()) {
    throw Error(ErrorKind::unsupported, reason);
  }
  const std::string command = "'" + sibling_program(kProgram) + "' --methods";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(::popen(command.c_str(), "r"),
                                                               &::pclose);
  if (!stream) throw system_error("wbs-train cannot be started");
  json methods = json::array();
  char* line = nullptr;
  std::size_t capacity = 0;
  while (::getline(&line, &capacity, stream.get()) >= 0) {
    json method = json::parse(line, nullptr, false);
    if (!method.is_discarded()) methods.push_back(std::move(method));
  }
  ::free(line);
  return methods;
}

nlohmann::json run_train_process(const nlohmann::json& request, int ranks,
                                 const TrainEvents& on_event) {
  if (const std::string reason = train_refusal(); !reason.empty()) {
    throw Error(ErrorKind::unsupported, reason);
  }
  const std::string program = sibling_program(kProgram);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw system_error("no pipe");
  Lines lines(ends[0]);
  Descriptor write_end(ends[1]);
  const Descriptor nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const std::string meeting = ranks > 1 ? meeting_place() : "";
  std::vector<Rank> processes;
  for (int rank = 0; rank < ranks; ++rank) {
    json own = request;
    if (ranks > 1) own["ranks"] = {{"rank", rank}, {"size", ranks}, {"meeting", meeting}};
    processes.emplace_back(program, own, rank == 0 ? write_end.get() : nowhere.get());
  }
  write_end.reset();
  json result = lines.read(on_event);
  const int status = processes.front().finish();
  if (result.is_null()) {
    throw Error(ErrorKind::io, fmt::format("wbs-train gave no result: {}", ending(status)));
  }
  return result;
}

}  // namespace wbs::apps
