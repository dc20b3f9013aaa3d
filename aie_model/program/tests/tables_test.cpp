#include "aie_model/program/tables.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "aie_model/program/tests/sample_program.hpp"
#include "core/error.hpp"

namespace wbs::aie {
namespace {

/// Why from_tables refuses the tables; empty where it does not.
std::string refusal_of(const ProgramTables& tables) {
  try {
    static_cast<void>(from_tables(tables));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    return error.what();
  }
  return "";
}

std::int64_t& cell(ProgramTables& tables, const std::string& name, std::size_t row,
                   const std::string& column) {
  Table& table = tables.tables.at(name);
  const auto found = std::find(table.columns.begin(), table.columns.end(), column);
  EXPECT_NE(found, table.columns.end()) << name << "." << column;
  const auto index = static_cast<std::size_t>(found - table.columns.begin());
  return table.values.at(row * table.columns.size() + index);
}

/// The refusal after one cell of the sample's tables has become `value`.
std::string refusal_with(const std::string& table, std::size_t row, const std::string& column,
                         std::int64_t value) {
  ProgramTables tables = to_tables(sample_program());
  cell(tables, table, row, column) = value;
  return refusal_of(tables);
}

TEST(ProgramTables, RoundTripIsEqual) {
  EXPECT_EQ(from_tables(to_tables(sample_program())), sample_program());
  EXPECT_EQ(from_tables(to_tables(Program{})), Program{});
}

TEST(ProgramTables, EveryCellReachesTheProgram) {
  const Program sample = sample_program();
  const ProgramTables tables = to_tables(sample);
  for (const auto& [name, table] : tables.tables) {
    for (std::size_t i = 0; i < table.values.size(); ++i) {
      if (i % table.columns.size() == 0 && name != "program") continue;  // parents
      for (const std::int64_t change : {1, -1}) {
        ProgramTables changed = tables;
        std::int64_t& value = changed.tables.at(name).values[i];
        value += value == std::numeric_limits<std::int64_t>::max() ? -1 : change;
        const std::string column = table.columns[i % table.columns.size()];
        if (const std::string reason = refusal_of(changed); !reason.empty()) {
          EXPECT_NE(reason.find(fmt::format("table {}, row {}, column {}:", name,
                                            i / table.columns.size(), column)),
                    std::string::npos)
              << reason;
          continue;
        }
        EXPECT_NE(from_tables(changed), sample) << name << "." << column;
      }
    }
  }
}

TEST(ProgramTables, EveryStringAndByteReachesTheProgram) {
  const Program sample = sample_program();
  const ProgramTables tables = to_tables(sample);
  EXPECT_EQ(tables.strings.size(), 7U);
  for (const auto& [key, strings] : tables.strings) {
    for (std::size_t i = 0; i < strings.size(); ++i) {
      ProgramTables changed = tables;
      changed.strings.at(key)[i] += "'";
      EXPECT_NE(from_tables(changed), sample) << key;
    }
  }
  ProgramTables changed = tables;
  changed.bytes.at("ddr.data.0")[4] = 0;
  EXPECT_NE(from_tables(changed), sample);
}

TEST(ProgramTables, MissingTableIsNamed) {
  for (const auto& [name, table] : to_tables(Program{}).tables) {
    ProgramTables tables = to_tables(sample_program());
    tables.tables.erase(name);
    EXPECT_EQ(refusal_of(tables), fmt::format("table {}: missing", name));
  }
}

TEST(ProgramTables, OtherColumnsAreNamed) {
  const ProgramTables good = to_tables(sample_program());
  ProgramTables tables = good;
  tables.tables["tasks"].columns[1] = "buffer";
  EXPECT_EQ(refusal_of(tables), "table tasks: column 1 is buffer, not descriptor");
  tables.tables["tasks"].columns = {"channel", "descriptor"};
  EXPECT_EQ(refusal_of(tables), "table tasks: no column repeat");
  tables.tables["tasks"].columns = {"channel", "descriptor", "repeat", "more"};
  EXPECT_EQ(refusal_of(tables), "table tasks: unknown column more");
  tables.tables["tasks"].columns = {};
  EXPECT_EQ(refusal_of(tables), "table tasks: no column channel");
}

TEST(ProgramTables, IncompleteRowIsNamed) {
  ProgramTables tables = to_tables(sample_program());
  tables.tables["tasks"].values.pop_back();
  EXPECT_EQ(refusal_of(tables),
            "table tasks: 14 values are no whole rows of 3 columns (row 4 ends early)");
  tables = to_tables(sample_program());
  tables.tables["program"].values.clear();
  EXPECT_EQ(refusal_of(tables), "table program: 0 rows, not 1");
}

TEST(ProgramTables, ParentsAreRowsOfTheirTableInOrder) {
  EXPECT_EQ(refusal_with("tiles", 2, "step", 3),
            "table tiles, row 2, column step: 3 is not one of the 3 rows of table steps");
  EXPECT_EQ(refusal_with("kept", 0, "ring", -1),
            "table kept, row 0, column ring: -1 is not one of the 2 rows of table rings");
  EXPECT_EQ(refusal_with("tiles", 0, "step", 1),
            "table tiles, row 1, column step: 0 after 1, but rows follow their parents in order");
  EXPECT_EQ(refusal_with("ddr", 0, "program", 1),
            "table ddr, row 0, column program: 1 is not one of the 1 rows of table program");
}

TEST(ProgramTables, ValuesOutsideTheirTypeAreNamed) {
  EXPECT_EQ(refusal_with("calls", 1, "kernel", 7),
            "table calls, row 1, column kernel: 7 is not within 0 to 6");
  EXPECT_EQ(refusal_with("connections", 0, "slave.kind", -1),
            "table connections, row 0, column slave.kind: -1 is not within 0 to 4");
  EXPECT_EQ(refusal_with("descriptors", 1, "pad_before.2", 65536),
            "table descriptors, row 1, column pad_before.2: 65536 is not within 0 to 65535");
  EXPECT_EQ(refusal_with("descriptors", 1, "address", -4),
            "table descriptors, row 1, column address: -4 is not within 0 to 9223372036854775807");
  EXPECT_EQ(refusal_with("channels", 0, "out_of_order", 2),
            "table channels, row 0, column out_of_order: 2 is not within 0 to 1");
  EXPECT_EQ(refusal_with("locks", 2, "value", -32769),
            "table locks, row 2, column value: -32769 is not within -32768 to 32767");
}

TEST(ProgramTables, StringsAndBytesBelongToTheirRows) {
  ProgramTables tables = to_tables(sample_program());
  tables.strings["steps.name"].pop_back();
  EXPECT_EQ(refusal_of(tables), "table steps: 3 rows, but 2 strings in steps.name");
  tables.strings.erase("steps.name");
  EXPECT_EQ(refusal_of(tables), "table steps: 3 rows, but 0 strings in steps.name");
  tables = to_tables(sample_program());
  tables.bytes.at("ddr.data.0").pop_back();
  EXPECT_EQ(refusal_of(tables), "table ddr, row 0, column data: 5 bytes, but ddr.data.0 has 4");
  tables.bytes.clear();
  EXPECT_EQ(refusal_of(tables), "table ddr, row 0, column data: 5 bytes, but ddr.data.0 has 0");
}

TEST(ProgramTables, AddressesBeyondTheTablesAreRefused) {
  Program program = sample_program();
  program.steps[0].tiles[0].descriptors[1].address = std::uint64_t{1} << 63;
  try {
    static_cast<void>(to_tables(program));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "table descriptors, row 1, column address: 9223372036854775808 is above the "
                 "largest value, 2^63 - 1");
  }
}

}  // namespace
}  // namespace wbs::aie
