#include "harness/filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/text.hpp"
#include "harness/values.hpp"

namespace wbs::harness {

bool matches_glob(std::string_view glob, std::string_view text) noexcept {
  // Iterative matching with one remembered star: linear in practice, no recursion.
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      retry = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool Condition::matches(const Value& value) const {
  const std::string text = to_text(value);
  const bool is_text = std::holds_alternative<std::string>(value);
  const bool found = std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    if (matches_glob(glob, text)) return true;
    if (is_text) return false;
    const std::optional<double> wanted = parse_number(glob);  // "0.50" also selects 0.5
    return wanted && as_number(value) == wanted;
  });
  return found != negated;
}

bool Filter::matches(const Values& parameters) const {
  return std::all_of(conditions.begin(), conditions.end(), [&](const Condition& condition) {
    const auto found = parameters.find(condition.parameter);
    return found != parameters.end() && condition.matches(found->second);
  });
}

Result<Filter> parse_filter(std::string_view text, const std::vector<std::string>& known) {
  Filter filter;
  for (std::string_view part : split(text, ',')) {
    part = trim(part);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return refusal(fmt::format(
          "filter part '{}' is not PARAMETER=VALUE (example: pattern=block:*,array=4x4|8x8)",
          part));
    }
    Condition condition;
    condition.negated = part[equals - 1] == '!';
    condition.parameter = trim(part.substr(0, condition.negated ? equals - 1 : equals));
    if (std::find(known.begin(), known.end(), condition.parameter) == known.end()) {
      return refusal(fmt::format("unknown parameter '{}' in filter '{}'{}; known: {}",
                                 condition.parameter, text, suggestion(condition.parameter, known),
                                 fmt::join(known, ", ")));
    }
    for (const std::string_view glob : split(part.substr(equals + 1), '|')) {
      condition.globs.emplace_back(trim(glob));
    }
    filter.conditions.push_back(std::move(condition));
  }
  return filter;
}

}  // namespace wbs::harness
