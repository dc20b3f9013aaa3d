// What the tables of a program consist of, and whether given ones do; for tables.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "aie_model/program/tables.hpp"

namespace wbs::aie::table_form {

template <typename T>
constexpr bool kIsNumber = std::is_integral_v<T> || std::is_enum_v<T>;

template <typename T>
constexpr bool kIsArray = false;
template <typename T, std::size_t N>
constexpr bool kIsArray<std::array<T, N>> = true;

using Bytes = std::vector<std::uint8_t>;

/// One table. Its columns start with the row of the parent.
struct TableLayout {
  std::string name;
  std::string parent;  ///< table; empty: none, and exactly one row
  std::vector<std::string> columns;
  std::vector<std::string> strings;  ///< names of the fields that are strings
};

/// All tables, children before their parents.
[[nodiscard]] const std::vector<TableLayout>& layouts();

/// The table of that layout. Throws Error(input) unless it is there with the layout's columns,
/// whole rows and a string for each row.
[[nodiscard]] const Table& shaped_table(const ProgramTables& tables, const TableLayout& layout);

/// Throws Error(input) unless the first column holds rows of the parent's table, ascending.
void check_parents(const TableLayout& layout, const Table& table, std::size_t parents);

[[nodiscard]] inline std::size_t row_count(const Table& table) {
  return table.values.size() / table.columns.size();
}

/// Key of ProgramTables::strings and, with a row, of ProgramTables::bytes.
[[nodiscard]] std::string string_key(std::string_view table, std::string_view field);
[[nodiscard]] std::string bytes_key(std::string_view table, std::string_view field,
                                    std::size_t row);

/// Throws Error(input): "table T, row R, column C: reason".
[[noreturn]] void refuse(std::string_view table, std::size_t row, std::string_view column,
                         std::string_view reason);

}  // namespace wbs::aie::table_form
