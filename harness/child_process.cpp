#include "harness/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "harness/worker_main.hpp"

namespace wbs::harness {
namespace {

/// This process's environment without MPI's variables, so that the child cannot join the job, and
/// with the thread counts that common libraries read.
std::vector<std::string> child_environment(int threads) {
  constexpr std::array<std::string_view, 3> kMpi = {"OMPI_", "PMIX_", "PMI_"};
  constexpr std::array<const char*, 2> kThreads = {"OMP_NUM_THREADS=", "OPENBLAS_NUM_THREADS="};
  std::vector<std::string> made;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    bool keep = true;
    for (const std::string_view prefix : kMpi) keep = keep && !text.starts_with(prefix);
    for (const char* name : kThreads) keep = keep && !text.starts_with(name);
    if (keep) made.emplace_back(text);
  }
  for (const char* name : kThreads) made.push_back(fmt::format("{}{}", name, threads));
  return made;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become_worker(pid_t parent, int socket, int log, char* const* arguments,
                                char* const* environment) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);  // the rank died before the line above
  cpu_set_t all;
  std::memset(&all, 0xFF, sizeof all);
  ::sched_setaffinity(0, sizeof all, &all);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY);
  // Above the standard descriptors first, so that no dup2 overwrites one that is still needed.
  const int high_socket = ::fcntl(socket, F_DUPFD, 10);
  const int high_log = ::fcntl(log, F_DUPFD, 10);
  ::dup2(null, 0);
  ::dup2(high_log, 1);
  ::dup2(high_log, 2);
  ::dup2(high_socket, kWorkerDescriptor);
  ::close_range(kWorkerDescriptor + 1, ~0U, 0);
  ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

std::string describe(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    const char* name = ::sigabbrev_np(number);
    const std::string known =
        name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
    const char* meaning = number == SIGKILL ? "probably out of memory" : ::sigdescr_np(number);
    return fmt::format("the stage's process was killed by {} ({})", known,
                       meaning != nullptr ? meaning : "no description");
  }
  if (WEXITSTATUS(status) == 127) return "the worker program could not be started";
  return fmt::format("the stage's process ended with status {}", WEXITSTATUS(status));
}

}  // namespace

ChildProcess::ChildProcess(const ChildOptions& options)
    : log_(options.log_path, O_WRONLY | O_CREAT | O_APPEND) {
  WBS_ASSERT(!options.command.empty());
  const std::string& program = options.command.front();
  if (::access(program.c_str(), X_OK) != 0) {
    throw Error(ErrorKind::io, fmt::format("{}: the worker program cannot be executed ({})",
                                           program, std::strerror(errno)));
  }
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw Error(ErrorKind::io, fmt::format("no socket pair ({})", std::strerror(errno)));
  }
  socket_ = Descriptor(ends[0]);
  const Descriptor theirs(ends[1]);
  std::vector<std::string> command = options.command;
  std::vector<std::string> environment = child_environment(options.threads);
  const std::vector<char*> arguments = pointers(command);
  const std::vector<char*> variables = pointers(environment);
  const pid_t self = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) {
    throw Error(ErrorKind::io, fmt::format("{}: no process ({})", program, std::strerror(errno)));
  }
  if (pid_ == 0) {
    become_worker(self, theirs.get(), log_.fd(), arguments.data(), variables.data());
  }
  ::setpgid(pid_, pid_);  // whoever comes first: kill must find the group
}

ChildProcess::~ChildProcess() {
  finish();
}

bool ChildProcess::send(const nlohmann::json& message) {
  return send_frame(socket_.get(), pack_message(message));
}

std::optional<nlohmann::json> ChildProcess::receive() {
  if (!gone_) gone_ = !reader_.receive(socket_.get(), false);
  if (const std::optional<std::string> frame = reader_.next()) return unpack_message(*frame);
  return std::nullopt;
}

std::string ChildProcess::finish() {
  if (pid_ < 0) return ending_;
  int status = 0;
  pid_t waited = 0;
  if (gone_) {
    // The stream has ended, so the process is ending by itself: give it the time to tell how.
    constexpr useconds_t kPause = 1000;
    for (int tries = 0; tries < 500 && waited == 0; ++tries) {
      waited = ::waitpid(pid_, &status, WNOHANG);
      if (waited == 0) ::usleep(kPause);
    }
  }
  ::kill(-pid_, SIGKILL);
  if (waited == 0) {
    ::kill(pid_, SIGKILL);
    while ((waited = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
    }
  }
  ending_ = waited > 0 ? describe(status) : "the stage's process has vanished";
  pid_ = -1;
  gone_ = true;
  return ending_;
}

}  // namespace wbs::harness
