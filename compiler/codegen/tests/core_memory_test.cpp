#include "compiler/codegen/core_memory.hpp"

#include <gtest/gtest.h>

namespace wbs::compiler {
namespace {

constexpr std::int64_t kBank = 16384;

CoreBuffers convolution(std::int64_t input, std::int64_t output, std::int64_t weights) {
  CoreBuffers buffers;
  buffers.bytes = {input, output, weights, 0, 0};
  buffers.accesses = {100, 0, 30, 10, 30, 0, 0, 0};
  buffers.cycles = 100;
  return buffers;
}

TEST(PlaceInBanks, SeparatesWhatACallReadsTogether) {
  const CoreBuffers buffers = convolution(4096, 1024, 4096);
  const CorePlaces places = place_in_banks(buffers, aie::aie2_array(1, 1));
  EXPECT_NE(places.address[0] / kBank, places.address[2] / kBank);
}

TEST(PlaceInBanks, PacksWhatWouldNotFitOtherwise) {
  const CoreBuffers buffers = convolution(15000, 1500, 15500);
  const CorePlaces places = place_in_banks(buffers, aie::aie2_array(1, 1));
  EXPECT_LE(places.end, 65536 - 1024);
  EXPECT_GE(places.end, 2 * (15000 + 1500 + 15500));
}

TEST(PlaceInBanks, TellsHowMuchIsMissing) {
  const CorePlaces places = place_in_banks(convolution(30000, 1000, 8000), aie::aie2_array(1, 1));
  EXPECT_GT(places.end, 65536 - 1024);
}

}  // namespace
}  // namespace wbs::compiler
