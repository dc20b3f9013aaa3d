#include "aie_model/program/table_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "aie_model/program/table_fields.hpp"
#include "core/error.hpp"

namespace wbs::aie::table_form {
namespace {

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

}  // namespace

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

std::string string_key(std::string_view table, std::string_view field) {
  return fmt::format("{}.{}", table, field);
}

std::string bytes_key(std::string_view table, std::string_view field, std::size_t row) {
  return fmt::format("{}.{}.{}", table, field, row);
}

void refuse(std::string_view table, std::size_t row, std::string_view column,
            std::string_view reason) {
  throw Error(ErrorKind::input,
              fmt::format("table {}, row {}, column {}: {}", table, row, column, reason));
}

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

}  // namespace wbs::aie::table_form
