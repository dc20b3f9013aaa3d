#include "aie_model/program/tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "aie_model/program/table_fields.hpp"
#include "core/error.hpp"

namespace wbs::aie {
namespace {

using tables::fields;

template <typename T>
constexpr bool kIsNumber = std::is_integral_v<T> || std::is_enum_v<T>;

template <typename T>
constexpr bool kIsArray = false;
template <typename T, std::size_t N>
constexpr bool kIsArray<std::array<T, N>> = true;

using Bytes = std::vector<std::uint8_t>;

/// What a table of a program consists of.
struct TableLayout {
  std::string name, parent;  ///< parent table; empty: none
  std::vector<std::string> columns, strings;
};

/// Collects the layouts of all tables by visiting an empty program.
class LayoutArchive {
 public:
  LayoutArchive(std::vector<TableLayout>& layouts, TableLayout layout)
      : layouts_(&layouts), layout_(std::move(layout)) {}

  template <typename T>
  void operator()(std::string_view name, const T& field) {
    const std::string column = prefix_ + std::string(name);
    if constexpr (kIsNumber<T> || std::same_as<T, Bytes>) {
      layout_.columns.push_back(column);
    } else if constexpr (std::same_as<T, std::string>) {
      layout_.strings.push_back(column);
    } else if constexpr (kIsArray<T>) {
      for (std::size_t i = 0; i < field.size(); ++i) {
        layout_.columns.push_back(fmt::format("{}.{}", column, i));
      }
    } else {
      const std::string outside = std::exchange(prefix_, column + ".");
      fields(*this, field);
      prefix_ = outside;
    }
  }

  template <typename T>
  void list(std::string_view table, std::string_view parent, const std::vector<T>& /*children*/) {
    LayoutArchive child(*layouts_, {std::string(table), layout_.name, {std::string(parent)}, {}});
    const T empty{};
    fields(child, empty);
    child.done();
  }

  void done() { layouts_->push_back(std::move(layout_)); }

 private:
  std::vector<TableLayout>* layouts_;
  TableLayout layout_;
  std::string prefix_;
};

const std::vector<TableLayout>& layouts() {
  static const std::vector<TableLayout> kLayouts = [] {
    std::vector<TableLayout> result;
    LayoutArchive archive(result, {"program", "", {}, {}});
    const Program empty;
    fields(archive, empty);
    archive.done();
    return result;
  }();
  return kLayouts;
}

std::size_t row_count(const Table& table) {
  return table.values.size() / table.columns.size();
}

std::string string_key(std::string_view table, std::string_view name) {
  return fmt::format("{}.{}", table, name);
}

std::string bytes_key(std::string_view table, std::string_view name, std::size_t row) {
  return fmt::format("{}.{}.{}", table, name, row);
}

[[noreturn]] void refuse(std::string_view table, std::size_t row, std::string_view column,
                         const std::string& reason) {
  throw Error(ErrorKind::input,
              fmt::format("table {}, row {}, column {}: {}", table, row, column, reason));
}

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
      field = static_cast<T>(number(0, tables::last_of(T{})));
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

/// The table of that layout. Throws Error unless it is there with the layout's columns, whole rows
/// and a string for each row.
const Table& shaped_table(const ProgramTables& tables, const TableLayout& layout) {
  const auto fail = [&](const std::string& reason) {
    throw Error(ErrorKind::input, fmt::format("table {}: {}", layout.name, reason));
  };
  const auto found = tables.tables.find(layout.name);
  if (found == tables.tables.end()) fail("missing");
  const Table& table = found->second;
  for (std::size_t i = 0; i < std::max(layout.columns.size(), table.columns.size()); ++i) {
    if (i >= table.columns.size()) fail(fmt::format("no column {}", layout.columns[i]));
    if (i >= layout.columns.size()) fail(fmt::format("unknown column {}", table.columns[i]));
    if (table.columns[i] != layout.columns[i]) {
      fail(fmt::format("column {} is {}, not {}", i, table.columns[i], layout.columns[i]));
    }
  }
  if (table.values.size() % table.columns.size() != 0) {
    fail(fmt::format("{} values are no whole rows of {} columns (row {} ends early)",
                     table.values.size(), table.columns.size(), row_count(table)));
  }
  if (layout.parent.empty() && row_count(table) != 1) {
    fail(fmt::format("{} rows, not 1", row_count(table)));
  }
  for (const std::string& name : layout.strings) {
    const auto strings = tables.strings.find(string_key(layout.name, name));
    const std::size_t count = strings == tables.strings.end() ? 0 : strings->second.size();
    if (count != row_count(table)) {
      fail(fmt::format("{} rows, but {} strings in {}", row_count(table), count,
                       string_key(layout.name, name)));
    }
  }
  return table;
}

/// Throws Error unless the first column holds rows of the parent's table, ascending.
void check_parents(const TableLayout& layout, const Table& table, std::size_t parents) {
  std::int64_t previous = 0;
  for (std::size_t row = 0; row < row_count(table); ++row) {
    const std::int64_t parent = table.values[row * table.columns.size()];
    if (parent < 0 || std::cmp_greater_equal(parent, parents)) {
      refuse(
          layout.name, row, layout.columns.front(),
          fmt::format("{} is not one of the {} rows of table {}", parent, parents, layout.parent));
    }
    if (parent < previous) {
      refuse(layout.name, row, layout.columns.front(),
             fmt::format("{} after {}, but rows follow their parents in order", parent, previous));
    }
    previous = parent;
  }
}

}  // namespace

ProgramTables to_tables(const Program& program) {
  ProgramTables result;
  for (const TableLayout& layout : layouts()) {
    result.tables[layout.name].columns = layout.columns;
    for (const std::string& name : layout.strings) result.strings[string_key(layout.name, name)];
  }
  RowWriter writer(result, "program");
  fields(writer, program);
  return result;
}

Program from_tables(const ProgramTables& tables) {
  Cursors cursors;
  for (const TableLayout& layout : layouts()) {
    const Table& table = shaped_table(tables, layout);
    cursors[layout.name] = {&table, row_count(table), 0};
  }
  for (const TableLayout& layout : layouts()) {
    if (layout.parent.empty()) continue;
    check_parents(layout, *cursors[layout.name].table, cursors[layout.parent].rows);
  }
  Program program;
  RowReader reader(tables, cursors, "program", cursors["program"]);
  fields(reader, program);
  return program;
}

}  // namespace wbs::aie
