#include "trainers/fields.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"

namespace wbs::trainers {
namespace {

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += between;
    text += word;
  }
  return text;
}

}  // namespace

Fields::Fields(const nlohmann::json& object, std::string where, std::vector<std::string>& problems)
    : object_(object), where_(std::move(where)), problems_(problems) {
  if (!object_.is_object()) {
    problems_.push_back(fmt::format("{}: expected an object, found {}",
                                    where_.empty() ? "the request" : where_, object_.dump()));
  }
}

const nlohmann::json* Fields::find(std::string_view name) {
  known_.emplace(name);
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(std::string(name));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Fields::problem(std::string_view name, const std::string& what) {
  problems_.push_back(where_.empty() ? fmt::format("{}: {}", name, what)
                                     : fmt::format("{}.{}: {}", where_, name, what));
}

void Fields::read(std::string_view name, bool& value) {
  const nlohmann::json* found = find(name);
  if (found == nullptr) return;
  if (!found->is_boolean()) {
    return problem(name, fmt::format("{} is neither true nor false", found->dump()));
  }
  value = found->get<bool>();
}

void Fields::read(std::string_view name, std::string& value) {
  const nlohmann::json* found = find(name);
  if (found == nullptr) return;
  if (!found->is_string()) return problem(name, fmt::format("{} is no text", found->dump()));
  value = found->get<std::string>();
}

void Fields::read(std::string_view name, std::int64_t& value, std::int64_t least,
                  std::int64_t most) {
  const nlohmann::json* found = find(name);
  if (found == nullptr) return;
  if (!found->is_number_integer()) {
    return problem(name, fmt::format("{} is no whole number", found->dump()));
  }
  const auto given = found->get<std::int64_t>();
  if (given < least || given > most) {
    return problem(name, fmt::format("{} is outside {}..{}", found->dump(), least, most));
  }
  value = given;
}

void Fields::read(std::string_view name, double& value, double least, double most) {
  const nlohmann::json* found = find(name);
  if (found == nullptr) return;
  if (!found->is_number()) return problem(name, fmt::format("{} is no number", found->dump()));
  const auto given = found->get<double>();
  if (!(given >= least && given <= most)) {
    return problem(name, fmt::format("{} is outside {}..{}", found->dump(), number_text(least),
                                     number_text(most)));
  }
  value = given;
}

void Fields::read(std::string_view name, std::vector<double>& value, double least, double most) {
  const nlohmann::json* found = find(name);
  if (found == nullptr) return;
  std::vector<double> given;
  if (found->is_array()) {
    for (const nlohmann::json& item : *found) {
      if (!item.is_number()) break;
      given.push_back(item.get<double>());
      if (!(given.back() >= least && given.back() <= most)) break;
    }
  }
  const bool ordered = std::is_sorted(given.begin(), given.end());
  if (!found->is_array() || given.size() != found->size() || !ordered ||
      (!given.empty() && !(given.back() >= least && given.back() <= most))) {
    return problem(name, fmt::format("{} is no ascending list of numbers in {}..{}", found->dump(),
                                     number_text(least), number_text(most)));
  }
  value = given;
}

void Fields::read_choice(std::string_view name, std::size_t& value,
                         const std::vector<std::string>& choices) {
  std::string word = choices.at(value);
  read(name, word);
  const auto found = std::find(choices.begin(), choices.end(), word);
  if (found == choices.end()) {
    return problem(name, fmt::format("'{}' is none of {}{}", word, joined(choices, ", "),
                                     suggestion(word, choices)));
  }
  value = static_cast<std::size_t>(found - choices.begin());
}

nlohmann::json Fields::member(std::string_view name) {
  const nlohmann::json* found = find(name);
  return found == nullptr ? nlohmann::json() : *found;
}

void Fields::finish() {
  if (!object_.is_object()) return;
  const std::vector<std::string> names(known_.begin(), known_.end());
  for (const auto& item : object_.items()) {
    if (!known_.contains(item.key())) {
      problem(item.key(), fmt::format("is not known{}", suggestion(item.key(), names)));
    }
  }
}

void throw_problems(const std::vector<std::string>& problems) {
  if (!problems.empty()) throw Error(ErrorKind::usage, joined(problems, "\n"));
}

}  // namespace wbs::trainers
