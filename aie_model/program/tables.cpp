#include "aie_model/program/tables.hpp"

#include <fmt/format.h>

#include <concepts>
#include <limits>
#include <string_view>
#include <utility>

#include "aie_model/program/table_fields.hpp"
#include "aie_model/program/table_layout.hpp"

namespace wbs::aie {
namespace {

using table_form::Bytes;
using table_form::bytes_key;
using table_form::fields;
using table_form::kIsArray;
using table_form::kIsNumber;
using table_form::refuse;
using table_form::row_count;
using table_form::string_key;
using table_form::TableLayout;

/// Appends one row to a table.
class RowWriter {
 public:
  RowWriter(ProgramTables& tables, std::string_view name)
      : tables_(&tables),
        name_(name),
        table_(&tables.tables.find(std::string(name))->second),
        row_(row_count(*table_)) {}

  template <typename T>
  void operator()(std::string_view name, const T& field) {
    if constexpr (kIsNumber<T>) {
      if constexpr (std::same_as<T, std::uint64_t>) {
        if (!std::in_range<std::int64_t>(field)) {
          const std::string& column =
              table_->columns[table_->values.size() % table_->columns.size()];
          refuse(name_, row_, column,
                 fmt::format("{} is above the largest value, 2^63 - 1", field));
        }
      }
      table_->values.push_back(static_cast<std::int64_t>(field));
    } else if constexpr (std::same_as<T, std::string>) {
      tables_->strings[string_key(name_, name)].push_back(field);
    } else if constexpr (std::same_as<T, Bytes>) {
      table_->values.push_back(static_cast<std::int64_t>(field.size()));
      if (!field.empty()) tables_->bytes[bytes_key(name_, name, row_)] = field;
    } else if constexpr (kIsArray<T>) {
      for (const auto& element : field) (*this)(name, element);
    } else {
      fields(*this, field);
    }
  }

  template <typename T>
  void list(std::string_view table, std::string_view parent, const std::vector<T>& children) {
    for (const T& child : children) {
      RowWriter writer(*tables_, table);
      writer(parent, row_);
      fields(writer, child);
    }
  }

 private:
  ProgramTables* tables_;
  std::string_view name_;
  Table* table_;
  std::size_t row_;
};

/// A table that is being read: rows before `next` have been.
struct Cursor {
  const Table* table = nullptr;
  std::size_t rows = 0, next = 0;
};
using Cursors = std::map<std::string, Cursor, std::less<>>;

/// Reads the next row of a table whose shape and parents have been checked.
class RowReader {
 public:
  RowReader(const ProgramTables& tables, Cursors& cursors, std::string_view name, Cursor& cursor)
      : tables_(&tables),
        cursors_(&cursors),
        name_(name),
        table_(cursor.table),
        row_(cursor.next++),
        value_(table_->values.data() + row_ * table_->columns.size()) {}

  template <typename T>
  void operator()(std::string_view name, T& field) {
    if constexpr (std::is_enum_v<T>) {
      field = static_cast<T>(number(0, table_form::last_of(T{})));
    } else if constexpr (std::is_integral_v<T>) {
      using Limits = std::numeric_limits<T>;
      constexpr bool kWide = std::same_as<T, std::uint64_t>;  // half of it, here
      constexpr auto kLast = kWide ? std::numeric_limits<std::int64_t>::max()
                                   : static_cast<std::int64_t>(Limits::max());
      field = static_cast<T>(number(static_cast<std::int64_t>(Limits::min()), kLast));
    } else if constexpr (std::same_as<T, std::string>) {
      field = tables_->strings.at(string_key(name_, name))[row_];
    } else if constexpr (std::same_as<T, Bytes>) {
      read_bytes(name, field);
    } else if constexpr (kIsArray<T>) {
      for (auto& element : field) (*this)(name, element);
    } else {
      fields(*this, field);
    }
  }

  template <typename T>
  void list(std::string_view table, std::string_view /*parent*/, std::vector<T>& children) {
    Cursor& cursor = cursors_->find(table)->second;
    const std::size_t columns = cursor.table->columns.size();
    std::size_t end = cursor.next;
    while (end < cursor.rows && std::cmp_equal(cursor.table->values[end * columns], row_)) ++end;
    children.resize(end - cursor.next);
    for (auto& child : children) {
      RowReader reader(*tables_, *cursors_, table, cursor);
      ++reader.value_;  // the parent
      fields(reader, child);
    }
  }

 private:
  std::int64_t number(std::int64_t first, std::int64_t last) {
    const std::int64_t value = *value_;
    if (value < first || value > last) {
      const auto at = static_cast<std::size_t>(value_ - table_->values.data());
      refuse(name_, row_, table_->columns[at % table_->columns.size()],
             fmt::format("{} is not within {} to {}", value, first, last));
    }
    ++value_;
    return value;
  }

  void read_bytes(std::string_view name, Bytes& field) {
    const std::int64_t size = number(0, std::numeric_limits<std::int64_t>::max());
    const auto found = tables_->bytes.find(bytes_key(name_, name, row_));
    if (found != tables_->bytes.end()) field = found->second;
    if (std::cmp_not_equal(field.size(), size)) {
      refuse(
          name_, row_, name,
          fmt::format("{} bytes, but {} has {}", size, bytes_key(name_, name, row_), field.size()));
    }
  }

  const ProgramTables* tables_;
  Cursors* cursors_;
  std::string_view name_;
  const Table* table_;
  std::size_t row_;
  const std::int64_t* value_;
};

}  // namespace

ProgramTables to_tables(const Program& program) {
  ProgramTables result;
  for (const TableLayout& layout : table_form::layouts()) {
    result.tables[layout.name].columns = layout.columns;
    for (const std::string& name : layout.strings) result.strings[string_key(layout.name, name)];
  }
  RowWriter writer(result, "program");
  fields(writer, program);
  return result;
}

Program from_tables(const ProgramTables& tables) {
  Cursors cursors;
  for (const TableLayout& layout : table_form::layouts()) {
    const Table& table = table_form::shaped_table(tables, layout);
    cursors[layout.name] = {&table, row_count(table), 0};
  }
  for (const TableLayout& layout : table_form::layouts()) {
    if (layout.parent.empty()) continue;
    table_form::check_parents(layout, *cursors[layout.name].table, cursors[layout.parent].rows);
  }
  Program program;
  RowReader reader(tables, cursors, "program", cursors["program"]);
  fields(reader, program);
  return program;
}

}  // namespace wbs::aie
