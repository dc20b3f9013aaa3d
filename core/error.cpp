#include "core/error.hpp"

#include <cstdio>
#include <cstdlib>

namespace wbs {

int exit_code(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::usage:
      return 2;
    case ErrorKind::input:
      return 3;
    case ErrorKind::unsupported:
      return 4;
    case ErrorKind::io:
      return 5;
    case ErrorKind::internal:
      break;
  }
  return 70;
}

void contract_failure(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: broken contract: %s\n", file, line, condition);
  std::fflush(nullptr);
  std::abort();
}

}  // namespace wbs
