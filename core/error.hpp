// How things fail: wbs::Error, wbs::Result and WBS_ASSERT. One answer for each kind of failure.
#pragma once

#include <stdexcept>
#include <string>
#include <tl/expected.hpp>

namespace wbs {

/// What went wrong, as far as the caller must tell the kinds apart: each kind has an exit code.
enum class ErrorKind {
  usage,        ///< the command line or the experiment file is wrong
  input,        ///< a data file is missing, malformed or of the wrong shape
  unsupported,  ///< a well-formed request that this program does not do
  io,           ///< the operating system refused to read or write
  internal,     ///< a defect of ours that was caught
};

/// This case cannot go on. The message is one sentence with the place and what was expected.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

/// The value, or the reason why there is none: for questions to which "no" is a normal answer.
template <typename T>
using Result = tl::expected<T, std::string>;

/// The "no" of a Result.
[[nodiscard]] inline tl::unexpected<std::string> refusal(std::string reason) {
  return tl::unexpected<std::string>(std::move(reason));
}

/// The value of `result`; throws Error of `kind` with its reason when there is none.
template <typename T>
[[nodiscard]] T value_or_throw(Result<T> result, ErrorKind kind = ErrorKind::input) {
  if (!result) throw Error(kind, result.error());
  return *std::move(result);
}

/// The process exit code of a failure of this kind (documented in `wbs-sweep --help`).
[[nodiscard]] int exit_code(ErrorKind kind) noexcept;

/// Prints the broken contract to stderr, flushes and aborts.
[[noreturn]] void contract_failure(const char* condition, const char* file, int line) noexcept;

}  // namespace wbs

/// Aborts when `condition` is false, in every build: for contracts that only a defect of ours can
/// break.
#define WBS_ASSERT(condition) \
  (static_cast<bool>(condition) ? void(0) : ::wbs::contract_failure(#condition, __FILE__, __LINE__))
