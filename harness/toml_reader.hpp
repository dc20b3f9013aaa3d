// Reading TOML with places: every wrong key, type and value becomes a located error, and reading
// goes on. Private to this folder: the only header that shows toml++.
#pragma once

#include <toml++/toml.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/experiment.hpp"

namespace wbs::harness {

/// "text", "an integer", "a list", ...: what the user wrote.
[[nodiscard]] std::string_view node_phrase(const toml::node& node) noexcept;

/// The scalar in `node`, or nothing with the reason: lists, tables, dates, NaN and infinity are
/// not parameter values.
[[nodiscard]] Result<Value> scalar_of(const toml::node& node);

/// One table of the file and where its errors go.
class TomlTable {
 public:
  TomlTable(const toml::table& table, std::string section, const std::string& source,
            ErrorList& errors)
      : table_(&table), section_(std::move(section)), source_(&source), errors_(&errors) {}

  struct Entry {
    LocatedName name;
    const toml::node* node;
  };
  /// Keys in the order of the file (toml++ sorts them by name).
  [[nodiscard]] std::vector<Entry> entries() const;

  /// Reports every key that is not in `known`.
  void allow(std::initializer_list<std::string_view> known) const;

  [[nodiscard]] bool has(std::string_view key) const { return table_->contains(key); }
  [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  /// A list of texts; empty when absent or wrong (reported).
  [[nodiscard]] std::vector<LocatedName> texts(std::string_view key) const;
  /// The table under `key`.
  [[nodiscard]] std::optional<TomlTable> table(std::string_view key) const;
  /// The tables of a [[key]] list. Elements that are not tables are reported.
  [[nodiscard]] std::vector<TomlTable> tables(std::string_view key) const;
  /// The elements of a list; nullptr when absent or not a list (reported).
  [[nodiscard]] const toml::array* list(std::string_view key) const;

  [[nodiscard]] Location where() const { return where(*table_); }
  [[nodiscard]] Location where(const toml::node& node) const;
  /// Place of the value under `key`, or of the table when there is none.
  [[nodiscard]] Location where(std::string_view key) const;
  void error(std::string_view key, std::string message) const;
  void error(const Location& place, std::string message) const;
  [[nodiscard]] const std::string& section() const noexcept { return section_; }
  [[nodiscard]] TomlTable view(const toml::table& table, std::string section) const {
    return {table, std::move(section), *source_, *errors_};
  }

 private:
  void expect(std::string_view key, std::string_view phrase) const;

  const toml::table* table_;
  std::string section_;
  const std::string* source_;
  ErrorList* errors_;
};

/// What checks of one experiment share while it is being read.
struct ReadContext {
  Experiment& experiment;
  const StageRegistry& registry;
  ErrorList& errors;
  std::vector<ParameterSpec> specs;  ///< declared by the experiment's stages
  std::vector<std::string> known;    ///< their names, then the labels

  /// True when `name` is known; otherwise reports it with the nearest name.
  [[nodiscard]] bool check_parameter(const LocatedName& name) const;
  /// `value` as `parameter`'s declared type; reports a mismatch.
  [[nodiscard]] Value checked(const std::string& parameter, const LocatedValue& value) const;
};

/// Adds the [[table]] and [published] sections to the experiment.
void read_published(const TomlTable& root, const ReadContext& context);
void read_tables(const TomlTable& root, const ReadContext& context);

/// Applies --set "key=value": replaces a parameter or an axis, or a [run] option.
void apply_override(const std::string& argument, const ReadContext& context);

/// Copies a [run] option to `run`; reports one out of range. `name` is known.
void read_run_option(const LocatedName& name, const Value& value, const ReadContext& context);
[[nodiscard]] const std::vector<std::string>& run_option_names();

}  // namespace wbs::harness
