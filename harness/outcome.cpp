#include "harness/outcome.hpp"

#include <array>
#include <utility>

namespace wbs::harness {
namespace {

constexpr std::array<std::pair<Outcome, std::string_view>, 10> kNames{{
    {Outcome::planned, "planned"},
    {Outcome::running, "running"},
    {Outcome::passed, "passed"},
    {Outcome::failed, "failed"},
    {Outcome::diverged, "diverged"},
    {Outcome::unsupported, "unsupported"},
    {Outcome::skipped, "skipped"},
    {Outcome::untrusted, "untrusted"},
    {Outcome::timed_out, "timed-out"},
    {Outcome::aborted, "aborted"},
}};

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
  for (const auto& [value, name] : kNames) {
    if (value == outcome) return name;
  }
  return "unknown";
}

std::optional<Outcome> parse_outcome(std::string_view text) noexcept {
  for (const auto& [value, name] : kNames) {
    if (name == text) return value;
  }
  return std::nullopt;
}

}  // namespace wbs::harness
