// Programs of whole-array products: they end, they move what they should, they take no less time
// than arithmetic allows.
#include "compiler/gemm/gemm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "aie_model/machine/layout.hpp"
#include "aie_model/machine/machine.hpp"
#include "compiler/gemm/steps.hpp"

namespace wbs::compiler {
namespace {

using aie::Device;
using aie::Direction;
using aie::GemmTypes;
using aie::TileKind;

constexpr GemmTypes kAllTypes[] = {GemmTypes::i8_i8, GemmTypes::i8_i16, GemmTypes::i8_i32,
                                   GemmTypes::bf16_bf16};

Device device(std::string_view name) {
  return value_or_throw(aie::find_device(name));
}

/// How often each word of each DDR buffer is read or written by one direction of all shims.
std::map<std::uint16_t, std::vector<int>> ddr_accesses(const aie::Program& program,
                                                       Direction direction) {
  std::map<std::uint16_t, std::vector<int>> counts;
  for (const aie::Step& step : program.steps) {
    for (const aie::TileProgram& tile : step.tiles) {
      std::vector<std::uint32_t> runs(tile.descriptors.size());
      for (const aie::Channel& channel : tile.channels) {
        if (tile.tile.kind != TileKind::shim || channel.direction != direction) continue;
        for (const aie::Task& task : channel.tasks) {
          for (std::uint32_t repeat = 0; repeat < task.repeat; ++repeat) {
            for (std::int16_t at = task.descriptor; at >= 0;) {
              const auto index = static_cast<std::size_t>(at);
              const aie::Descriptor& d = tile.descriptors[index];
              std::vector<int>& words = counts[d.ddr_buffer];
              words.resize(program.ddr[d.ddr_buffer].size_bytes / 4);
              const std::int64_t first =
                  static_cast<std::int64_t>(d.address / 4) +
                  std::int64_t{d.iteration.stride} * (runs[index]++ % d.iteration.count);
              for (const aie::Piece& piece : aie::pieces_of(d)) {
                for (std::uint32_t i = 0; i < piece.count; ++i) {
                  ++words.at(static_cast<std::size_t>(first + piece.offset + piece.stride * i));
                }
              }
              at = d.next;
            }
          }
        }
      }
    }
  }
  return counts;
}

void expect_every_word_as_often_as_its_tiles_need(const Gemm& gemm, const GemmTile& tile,
                                                  const Device& on) {
  const aie::Program program = gemm_program(gemm, tile, on);
  const GemmGrid grid = gemm_grid(gemm, tile, on);
  const auto reads = ddr_accesses(program, Direction::mm2s);
  const auto writes = ddr_accesses(program, Direction::s2mm);
  EXPECT_THAT(reads.at(0), testing::Each(static_cast<int>(grid.blocks_n))) << "A";
  EXPECT_THAT(reads.at(1), testing::Each(static_cast<int>(grid.blocks_m))) << "B";
  EXPECT_THAT(writes.at(2), testing::Each(1)) << "C";
  EXPECT_EQ(reads.size(), 2U);
  EXPECT_EQ(writes.size(), 1U);
}

TEST(Gemm, SmallProductsEndOnEveryArrayAndTakeAtLeastTheirBound) {
  for (const char* name : {"npu1", "npu2", "aie2:2x2", "aie2:3x2", "aie2:1x1"}) {
    for (const GemmTypes types : kAllTypes) {
      const Gemm gemm{.m = 256, .k = 192, .n = 512, .types = types};
      const GemmResult result = simulate_gemm(gemm, device(name));
      EXPECT_GE(static_cast<double>(result.cycles), result.estimate.bound())
          << name << " " << to_string(types);
      EXPECT_GT(result.tops, 0.0);
    }
  }
}

TEST(Gemm, ALongProductTakesLittleMoreThanItsEstimate) {
  for (const char* name : {"npu1", "npu2"}) {
    for (const GemmTypes types : kAllTypes) {
      const Gemm gemm{.m = 2048, .k = 2048, .n = 2048, .types = types};
      const GemmResult result = simulate_gemm(gemm, device(name));
      const auto cycles = static_cast<double>(result.cycles);
      EXPECT_GE(cycles, result.estimate.bound()) << name << " " << to_string(types);
      EXPECT_NEAR(cycles / result.estimate.cycles(), 1.0, 0.05) << name << " " << to_string(types);
    }
  }
}

TEST(Gemm, ShimsReadEachOperandOnceForEachBlockAndWriteTheResultOnce) {
  const Gemm gemm{.m = 700, .k = 96, .n = 300, .types = GemmTypes::i8_i16};
  const GemmTile tile{.m = 16, .k = 16, .n = 16, .panel = 48};
  Device on = device("npu1");
  ASSERT_GT(gemm_steps(gemm, tile, on).count(), 1) << "several steps";
  ASSERT_TRUE(gemm_steps(gemm, tile, on).iterate_b);
  expect_every_word_as_often_as_its_tiles_need(gemm, tile, on);
  expect_every_word_as_often_as_its_tiles_need(gemm, tile, device("npu2"));
  on.silicon.shim.max_stride = 512;
  ASSERT_FALSE(gemm_steps(gemm, tile, on).iterate_b) << "too far for an iteration";
  expect_every_word_as_often_as_its_tiles_need(gemm, tile, on);
}

TEST(Gemm, TheMachineMovesWhatTheShimsAreProgrammedFor) {
  const Gemm gemm{.m = 700, .k = 96, .n = 300, .types = GemmTypes::i8_i16};
  const GemmTile tile{.m = 16, .k = 16, .n = 16, .panel = 48};
  const GemmResult result = simulate_gemm(gemm, device("npu1"), tile);
  EXPECT_EQ(result.tile, tile);
  // Padded to 704 x 96 x 320; 5 blocks along n, 11 along m.
  EXPECT_EQ(result.ddr_read_bytes, 704U * 96 * 5 + 96U * 320 * 11);
  EXPECT_EQ(result.ddr_write_bytes, 704U * 320 * 2);
}

TEST(Gemm, PaddingCostsTimeButCountsNoWork) {
  const GemmTile tile{.m = 32, .k = 32, .n = 32, .panel = 64};
  const GemmResult exact = simulate_gemm({.m = 512, .k = 256, .n = 512}, device("npu1"), tile);
  const GemmResult padded = simulate_gemm({.m = 500, .k = 250, .n = 400}, device("npu1"), tile);
  EXPECT_EQ(padded.cycles, exact.cycles);
  EXPECT_NEAR(padded.tops / exact.tops, 500.0 * 250 * 400 / (512.0 * 256 * 512), 1e-9);
}

TEST(Gemm, ShortPanelsSlowExternalMemoryDown) {
  const Gemm gemm{.m = 1024, .k = 1024, .n = 1024, .types = GemmTypes::bf16_bf16};
  const GemmResult chosen = simulate_gemm(gemm, device("npu1"));
  const GemmResult short_runs = simulate_gemm(gemm, device("npu1"), {.panel = 32});
  EXPECT_EQ(short_runs.tile.panel, 32);
  EXPECT_EQ(short_runs.bound, "dram");
  EXPECT_GT(short_runs.cycles, 2 * chosen.cycles);
}

TEST(Gemm, TheChosenTileFitsAndPadsLessThanATileAlongK) {
  for (const char* name : {"npu1", "npu2"}) {
    for (const GemmTypes types : kAllTypes) {
      const Device on = device(name);
      const Gemm gemm{.m = 3072, .k = 1536, .n = 3072, .types = types};
      const GemmTile tile = choose_gemm_tile(gemm, on);
      EXPECT_EQ(tile_defect(gemm, tile, on), "");
      const std::int64_t padding = gemm_grid(gemm, tile, on).panels * tile.panel - gemm.k;
      EXPECT_LT(padding, tile.k) << name << " " << to_string(types);
      const std::int64_t bytes = 2 * (tile.m + tile.n) * tile.k * operand_bytes(types) +
                                 tile.m * tile.n * result_bytes(types);
      EXPECT_LE(bytes, 63 * 1024);
    }
  }
}

TEST(Gemm, TheTileAndThePanelCanBeGiven) {
  const Gemm gemm{.m = 512, .k = 512, .n = 512};
  const GemmTile tile = choose_gemm_tile(gemm, device("npu1"), {.m = 32, .k = 64, .n = 48});
  EXPECT_EQ(tile.m, 32);
  EXPECT_EQ(tile.k, 64);
  EXPECT_EQ(tile.n, 48);
  EXPECT_EQ(tile.panel % 64, 0);
  EXPECT_EQ(choose_gemm_tile(gemm, device("npu1"), {.panel = 128}).panel, 128);
}

std::string refusal_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    return error.what();
  }
  return "accepted";
}

TEST(Gemm, RefusalsNameTheLimit) {
  const Gemm gemm{.m = 512, .k = 512, .n = 512};
  const auto tile = [&](GemmTile wanted) {
    return refusal_of([&] { (void)choose_gemm_tile(gemm, device("npu1"), wanted); });
  };
  EXPECT_EQ(tile({.m = 128, .k = 256, .n = 128}),
            "tile 128x256x128 needs 147456 bytes of a core, more than 64512");
  EXPECT_EQ(tile({.m = 30, .k = 32, .n = 32}), "tile 30x32x32 is no multiple of the operand 4x8x8");
  EXPECT_EQ(tile({.m = 32, .k = 32, .n = 32, .panel = 100}),
            "a panel of 100 is not a whole number of tiles with k = 32");
  EXPECT_THAT(tile({.m = 128, .k = 32, .n = 128, .panel = 4032}), testing::HasSubstr("Memtile"));
  EXPECT_THAT(tile({.panel = 1004}), testing::HasSubstr("no tile of 512x512x512"));
  const auto array = [&](const char* name) {
    return refusal_of([&] { (void)simulate_gemm(gemm, device(name)); });
  };
  EXPECT_EQ(array("aie2:8x8"),
            "products on aie2:8x8 (8 columns, 8 rows): a Memtile collects results of at most 4 "
            "rows of cores");
  EXPECT_EQ(array("aie2:2x4"),
            "products on aie2:2x4 (2 columns, 4 rows): each row of cores needs a column that feeds "
            "it A");
}

TEST(Gemm, SizesAreReadOrRefusedWithTheReason) {
  const auto gemm = parse_gemm("4032x4224x64", "bf16:bf16");
  ASSERT_TRUE(gemm);
  EXPECT_EQ(gemm->m, 4032);
  EXPECT_EQ(gemm->k, 4224);
  EXPECT_EQ(gemm->n, 64);
  EXPECT_EQ(gemm->types, GemmTypes::bf16_bf16);
  EXPECT_EQ(parse_gemm("12x0x3", "int8:int8").error(),
            "product '12x0x3': '0' is no size from 1 to 2^24");
  EXPECT_EQ(parse_gemm("12x3", "int8:int8").error(), "product '12x3' has 2 sizes, expected MxKxN");
  EXPECT_THAT(parse_gemm("1x2x3", "int8:int9").error(), testing::HasSubstr("int8:int16"));
  EXPECT_EQ(parse_gemm_tile("96x56x96x224").value(),
            (GemmTile{.m = 96, .k = 56, .n = 96, .panel = 224}));
  EXPECT_EQ(parse_gemm_tile("96x56x96").value().panel, 0);
  EXPECT_FALSE(parse_gemm_tile("96x56x96x224x1"));
}

}  // namespace
}  // namespace wbs::compiler
