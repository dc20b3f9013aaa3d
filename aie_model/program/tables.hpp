// A program as plain tables of integers, strings and bytes: what a file format has to carry, with
// no format decided here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "aie_model/program/program.hpp"

namespace wbs::aie {

/// Rows of integers; the names of nested fields and array elements are joined with dots.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::int64_t> values;  ///< row-major, a multiple of columns.size()
  friend bool operator==(const Table&, const Table&) = default;
};

/// A program. One table per struct of program.hpp:
///   program (1 row)  ddr  layers  parts  steps  tiles  locks  descriptors  dimensions  channels
///   tasks  rings  kept  calls  code  connections
/// The first column of a table other than `program` is the row of its parent, ascending: tiles of
/// their step, tasks of their channel, kept counts of their ring. Enumerations are their index.
struct ProgramTables {
  std::map<std::string, Table> tables;
  /// "program.network", "program.pattern", "program.device", "ddr.name", "layers.name",
  /// "layers.operation", "steps.name": one string for each row of the table.
  std::map<std::string, std::vector<std::string>> strings;
  /// "ddr.data.N": contents of the DDR buffer in row N, column `data` of table ddr bytes; absent
  /// where that is 0.
  std::map<std::string, std::vector<std::uint8_t>> bytes;
};

/// The tables of `program`; from_tables gives an equal program. Throws Error(input) for an address
/// or size of 2^63 and more.
[[nodiscard]] ProgramTables to_tables(const Program& program);

/// The program in `tables`. Throws Error(input) naming table, row and column where a table is
/// missing or has other columns, rows are incomplete or do not follow their parents in order, or
/// a value is outside its field's type. Tables, strings and bytes that are not a program's are
/// ignored. Whether the program makes sense is the checker's question.
[[nodiscard]] Program from_tables(const ProgramTables& tables);

}  // namespace wbs::aie
