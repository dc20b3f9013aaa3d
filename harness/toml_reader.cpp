#include "harness/toml_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/text.hpp"

namespace wbs::harness {

std::string_view node_phrase(const toml::node& node) noexcept {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

Result<Value> scalar_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return Value{text->get()};
  if (const auto* integer = node.as_integer()) return Value{integer->get()};
  if (const auto* flag = node.as_boolean()) return Value{flag->get()};
  if (const auto* number = node.as_floating_point()) {
    if (std::isfinite(number->get())) return Value{number->get()};
    return refusal("expected a finite number");
  }
  return refusal(fmt::format("expected text, a number or a boolean, found {}", node_phrase(node)));
}

std::vector<TomlTable::Entry> TomlTable::entries() const {
  std::vector<Entry> entries;
  for (const auto& [key, node] : *table_) {
    const toml::source_position place = key.source().begin;
    entries.push_back({{std::string(key.str()),
                        {*source_, static_cast<int>(place.line), static_cast<int>(place.column)}},
                       &node});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& left, const Entry& right) {
    return std::tie(left.name.where.line, left.name.where.column) <
           std::tie(right.name.where.line, right.name.where.column);
  });
  return entries;
}

void TomlTable::allow(std::initializer_list<std::string_view> known) const {
  const std::vector<std::string> names(known.begin(), known.end());
  for (const Entry& entry : entries()) {
    if (std::find(names.begin(), names.end(), entry.name.name) != names.end()) continue;
    errors_->add(entry.name.where,
                 fmt::format("unknown key '{}' in {}{}; known: {}", entry.name.name, section_,
                             suggestion(entry.name.name, names), fmt::join(names, ", ")));
  }
}

void TomlTable::expect(std::string_view key, std::string_view phrase) const {
  const toml::node* node = table_->get(key);
  errors_->add(where(*node),
               fmt::format("'{}' must be {}, found {}", key, phrase, node_phrase(*node)));
}

std::optional<std::string> TomlTable::text(std::string_view key) const {
  const toml::node* node = table_->get(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* text = node->as_string()) return text->get();
  expect(key, "text");
  return std::nullopt;
}

std::optional<std::int64_t> TomlTable::integer(std::string_view key) const {
  const toml::node* node = table_->get(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* integer = node->as_integer()) return integer->get();
  expect(key, "an integer");
  return std::nullopt;
}

std::optional<double> TomlTable::number(std::string_view key) const {
  const toml::node* node = table_->get(key);
  if (node == nullptr) return std::nullopt;
  const Result<Value> value = scalar_of(*node);
  if (value) {
    if (const auto* number = std::get_if<double>(&*value)) return *number;
    if (const auto* integer = std::get_if<std::int64_t>(&*value)) {
      return static_cast<double>(*integer);
    }
  }
  expect(key, "a finite number");
  return std::nullopt;
}

std::optional<bool> TomlTable::boolean(std::string_view key) const {
  const toml::node* node = table_->get(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* flag = node->as_boolean()) return flag->get();
  expect(key, "a boolean");
  return std::nullopt;
}

const toml::array* TomlTable::list(std::string_view key) const {
  const toml::node* node = table_->get(key);
  if (node == nullptr) return nullptr;
  if (const toml::array* elements = node->as_array()) return elements;
  expect(key, "a list");
  return nullptr;
}

std::vector<LocatedName> TomlTable::texts(std::string_view key) const {
  std::vector<LocatedName> texts;
  const toml::array* elements = list(key);
  if (elements == nullptr) return texts;
  for (const toml::node& element : *elements) {
    if (const auto* text = element.as_string()) {
      texts.push_back({text->get(), where(element)});
    } else {
      errors_->add(where(element), fmt::format("'{}' must be a list of texts, found {} in it", key,
                                               node_phrase(element)));
    }
  }
  return texts;
}

std::optional<TomlTable> TomlTable::table(std::string_view key) const {
  const toml::node* node = table_->get(key);
  if (node == nullptr) return std::nullopt;
  if (const toml::table* inner = node->as_table()) return view(*inner, fmt::format("[{}]", key));
  expect(key, "a table");
  return std::nullopt;
}

std::vector<TomlTable> TomlTable::tables(std::string_view key) const {
  std::vector<TomlTable> tables;
  const toml::array* elements = list(key);
  if (elements == nullptr) return tables;
  for (const toml::node& element : *elements) {
    if (const toml::table* inner = element.as_table()) {
      tables.push_back(view(*inner, fmt::format("[[{}]]", key)));
    } else {
      errors_->add(where(element), fmt::format("'{}' must be a list of tables ([[{}]]), found {}",
                                               key, key, node_phrase(element)));
    }
  }
  return tables;
}

Location TomlTable::where(const toml::node& node) const {
  const toml::source_position place = node.source().begin;
  return {*source_, static_cast<int>(place.line), static_cast<int>(place.column)};
}

Location TomlTable::where(std::string_view key) const {
  const toml::node* node = table_->get(key);
  return where(node == nullptr ? static_cast<const toml::node&>(*table_) : *node);
}

void TomlTable::error(std::string_view key, std::string message) const {
  errors_->add(where(key), std::move(message));
}

void TomlTable::error(const Location& place, std::string message) const {
  errors_->add(place, std::move(message));
}

}  // namespace wbs::harness
