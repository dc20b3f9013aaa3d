#include "aie_model/program/text_form.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "aie_model/program/tables.hpp"
#include "aie_model/program/tests/sample_program.hpp"
#include "core/error.hpp"

namespace wbs::aie {
namespace {

constexpr const char* kSampleText = R"(program of sample (8x8@50%) on grid: 4 columns, 3 rows
input: ddr 1 3x8x9 uint8*2^-7
output: ddr 2 10x1x2 uint8*2^4
ddr 0 "weights": weights 5 bytes, 5 of data 33f6ea3507756afd370ba86c1e0e9c9b
ddr 1 "input": input 576 bytes
ddr 2 "output": output 9223372036854775807 bytes
layer 0 "conv1": conv 500 of 1000 MACs kept, 64x7x9 uint8*2^-5
  after step 1: memtile(2,1) @128 2 blocks from 1, 4 rows from 3, 6 stored, first 1
  after step 2: shim(0) ddr 2 @256 6 blocks from 5, 8 rows from 7, 10 stored, first 2
layer 1 "fc, \"last\"": linear 0 of 0 MACs kept, 10x1x1 int8*2^3
step 0 "conv1: rows 0..3" of layer 0 "conv1"
  core(1,2)
    locks 2 0 -3
    bd 0: own @0 6 words
    bd 1: ddr 1 @1099511627776 24 words loops 2*1 3*-16 4*64 iteration 5*-96 pad before 1 2 3 pad after 4 5 6 compressed to 9 27 acquire 2>=3 release 4+=5 packet 31 for bd 7 next 1
    s2mm 1 out of order: 9 packets
    mm2s 2: bd 0 x3, bd 1
    ring 0: @1024 3 slots of 256 bytes kept 7 0 4294967295
    ring 1: @2048 4 slots of 512 bytes
    call 0: average_pool input ring 1 @64 2x9x10x8 unsigned <<6 second ring 2 @128 second unsigned second <<8 weights ring 3 @192 output ring 4 @256 to 3x4x5x8 accumulators @4096 window 3x5 stride 2x4 continues unfinished multiplier -1337 >>11 within -7..255 gemm 12x13x65535 bf16:bf16
    call 1: conv
    code
      loop 4
        acquire 1>=-2
        loop 2
          call 1
        end
        release 2+=3
        advance ring 1
      end
  memtile(3)
    bd 0: west @64 16 words
    mm2s 0: bd 0
step 1 "" of layer 1 "fc, \"last\""
  route core(1,2): west 3 -> dma 1
step 2 "fc" of layer 1 "fc, \"last\""
  memtile(3)
    bd 0: west @64 16 words
    mm2s 0: bd 0
  route core(1,2): south 2 -> north 4 packet 30
  route shim(0): dma 0 -> east 1 packet 5
)";

TEST(ProgramText, SampleReadsAsExpected) {
  EXPECT_EQ(print(sample_program()), kSampleText);
}

TEST(ProgramText, StepAloneReadsAsInTheProgram) {
  const Program program = sample_program();
  EXPECT_EQ(print_step(program, 1),
            "step 1 \"\" of layer 1 \"fc, \\\"last\\\"\"\n"
            "  route core(1,2): west 3 -> dma 1\n");
  for (std::uint32_t step = 0; step < 3; ++step) {
    EXPECT_NE(print(program).find(print_step(program, step)), std::string::npos);
  }
  EXPECT_THROW(static_cast<void>(print_step(program, 3)), Error);
}

TEST(ProgramText, UnusedDescriptorsAreLeftOut) {
  Program program = sample_program();
  program.steps[2].tiles[0].descriptors.emplace_back();
  EXPECT_EQ(print(program), kSampleText);
  program.steps[2].tiles[0].descriptors.emplace_back().words = 3;
  EXPECT_NE(print_step(program, 2).find("16 words\n    bd 2: own @0 3 words\n"), std::string::npos);
}

/// Fields of core instructions that only some kinds of instruction use.
bool may_be_unused(const std::string& table, const std::string& column) {
  return table == "code" && column != "kind";
}

/// The text of the program in the tables, or why there is none.
std::string text_of(const ProgramTables& tables) {
  try {
    return print(from_tables(tables));
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ProgramText, EveryFieldShows) {
  const std::string text = print(sample_program());
  const ProgramTables tables = to_tables(sample_program());
  for (const auto& [name, table] : tables.tables) {
    for (std::size_t i = 0; i < table.values.size(); ++i) {
      const std::string& column = table.columns[i % table.columns.size()];
      if (may_be_unused(name, column)) continue;
      for (const std::int64_t change : {1, -1}) {
        ProgramTables changed = tables;
        std::int64_t& value = changed.tables.at(name).values[i];
        value += value == std::numeric_limits<std::int64_t>::max() ? -1 : change;
        EXPECT_NE(text_of(changed), text) << name << "." << column;
      }
    }
  }
  for (const auto& [key, strings] : tables.strings) {
    for (std::size_t i = 0; i < strings.size(); ++i) {
      ProgramTables changed = tables;
      changed.strings.at(key)[i] += "'";
      EXPECT_NE(text_of(changed), text) << key;
    }
  }
  ProgramTables changed = tables;
  changed.bytes.at("ddr.data.0")[4] = 0;
  EXPECT_NE(text_of(changed), text);
}

}  // namespace
}  // namespace wbs::aie
