// wbs-train: trains what one JSON request asks for and prints what happens as JSON lines, the
// result last. Started by wbs and its stages, and by hand on machines that have nothing but it.
#include <fmt/format.h>
#include <torch/torch.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <new>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "trainers/dense_method.hpp"
#include "trainers/main/measure_session.hpp"
#include "trainers/main/session.hpp"
#include "trainers/methods/methods.hpp"

namespace wbs::trainers {
namespace {

constexpr int kExitNotPassed = 1;
constexpr int kExitInterrupted = 75;

constexpr const char* kHelp =
    "usage: wbs-train [REQUEST.json]    the request, else read from standard input\n"
    "       wbs-train --methods         the training methods, one JSON object a line\n"
    "       wbs-train --version\n"
    "\n"
    "Trains a network and prints JSON lines: events, and the result as the last line. Members of\n"
    "the request and of the result: trainers/README.md.\n"
    "\n"
    "Exit codes:\n"
    "  0   trained to the end\n"
    "  1   the run diverged; the result says how\n"
    "  2   the request is wrong\n"
    "  3   a data, weights or checkpoint file is missing, malformed or another run's\n"
    "  4   the request is well formed, but not supported\n"
    "  5   the operating system refused to read or write\n"
    "  75  stopped by SIGTERM, SIGINT or SIGUSR1; the same request continues\n"
    "  70  a defect of wbs\n";

// A handler can reach nothing but a global. Constant-initialised.
constinit std::atomic<bool> stop_asked{false};

extern "C" void ask_to_stop(int /*signal*/) {
  stop_asked = true;
}

void watch_signals() {
  struct sigaction action{};
  action.sa_handler = &ask_to_stop;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;  // a full disk and a closed pipe are errors, not deaths
  ::sigaction(SIGXFSZ, &action, nullptr);
  ::sigaction(SIGPIPE, &action, nullptr);
}

// Debian's OpenBLAS takes its AVX2 kernels on AMD processors with AVX-512, half as fast. It reads
// the variable when it is loaded, so the process has to start again.
void choose_blas_kernels(char** arguments) {
#if defined(__x86_64__)
  if (std::getenv("OPENBLAS_CORETYPE") != nullptr) return;
  __builtin_cpu_init();
  if (!__builtin_cpu_is("amd") || !__builtin_cpu_supports("avx512f")) return;
  ::setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
  ::execv("/proc/self/exe", arguments);
#else
  static_cast<void>(arguments);
#endif
}

std::vector<MethodKind> all_methods() {
  std::vector<MethodKind> all{dense_method()};
  for (const MethodKind& kind : methods()) all.push_back(kind);
  return all;
}

void print_line(const nlohmann::json& json) {
  const std::string line = json.dump() + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

void list_methods() {
  for (const MethodKind& kind : all_methods()) {
    print_line({{"name", kind.name},
                {"summary", kind.summary},
                {"source", kind.source},
                {"prunes_weights", kind.prunes_weights}});
  }
}

nlohmann::json read_request(const std::string& path) {
  std::string text;
  if (path.empty() || path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw Error(ErrorKind::io, fmt::format("cannot read the request '{}'", path));
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::usage, fmt::format("the request is no JSON: {}", error.what()));
  }
}

int run(const std::string& path) {
  const TrainRequest request = parse_request(read_request(path));
  const std::vector<MethodKind> methods = all_methods();
  if (request.measure.steps > 0) {
    print_line(measure(request, methods));
    return 0;
  }
  const nlohmann::json result = train(request, methods, stop_asked, print_line);
  print_line(result);
  if (result.at("outcome") == "aborted") return kExitInterrupted;
  return result.at("outcome") == "passed" ? 0 : kExitNotPassed;
}

/// One sentence for people on stderr, the same as a JSON line for programs.
int failed(ErrorKind kind, const std::string& message) {
  print_line({{"event", "error"}, {"exit_code", exit_code(kind)}, {"message", message}});
  fmt::print(stderr, "wbs-train: {}\n", message);
  return exit_code(kind);
}

int guarded(const std::string& path) {
  try {
    return run(path);
  } catch (const Error& error) {
    return failed(error.kind(), error.what());
  } catch (const c10::Error& error) {
    return failed(ErrorKind::internal,
                  fmt::format("internal error: {}", error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return failed(ErrorKind::io, "out of memory");
  } catch (const std::exception& error) {
    return failed(ErrorKind::internal, fmt::format("internal error: {}", error.what()));
  }
}

}  // namespace
}  // namespace wbs::trainers

int main(int count, char** arguments) {
  using namespace wbs::trainers;
  const std::string first = count > 1 ? arguments[1] : "";
  if (count > 2 || first == "--help" || first == "-h") {
    std::fputs(kHelp, count > 2 ? stderr : stdout);
    return count > 2 ? wbs::exit_code(wbs::ErrorKind::usage) : 0;
  }
  if (first == "--version") {
    fmt::print("wbs-train {} (LibTorch {})\n", WBS_VERSION, TORCH_VERSION);
    return 0;
  }
  if (first == "--methods") {
    list_methods();
    return 0;
  }
  choose_blas_kernels(arguments);
  watch_signals();
  return guarded(first);
}
