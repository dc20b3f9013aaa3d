#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/tiled_network.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

TiledNetwork sample() {
  TiledNetwork network;
  network.network = "small \"net\"";
  network.device = "aie2:3x2";
  network.weights = "block:8x8@0.5";
  network.array = {3, 2};
  network.remarks = {"softmax runs fused with its producer, at no cost"};
  aie::TiledLayer conv;
  conv.name = "conv1";
  conv.producers = {-1};
  conv.input = {8, 8, 3};
  conv.output = {8, 8, 16};
  conv.window = {3, 3, 1, 1, 1, 1};
  conv.core_weight = {8, 3, 3, 8};
  conv.core_input = {4, 5, 8};
  conv.core_output = {2, 3, 16};
  conv.density = 0.1;
  conv.corrected_density = 1.0 / 3.0;
  conv.passes = 2;
  aie::TiledLayer add;
  add.name = "add";
  add.kind = aie::LayerKind::add;
  add.producers = {0, 0};
  add.input = add.output = {8, 8, 16};
  add.core_input = add.core_output = {1, 3, 16};
  network.layers = {conv, add};
  network.notes = {kUnevenWidth | kCinInputPieces, 0};
  return network;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string refusal_of(const std::string& text) {
  try {
    (void)from_json(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    return error.what();
  }
  return "accepted";
}

TEST(TextForm, JsonReadsBackAndWritesTheSameText) {
  const std::string text = to_json(sample());
  const TiledNetwork read = from_json(text);
  EXPECT_EQ(to_json(read), text);
  EXPECT_EQ(read.network, "small \"net\"");
  EXPECT_EQ(read.array, (ArrayShape{3, 2}));
  ASSERT_EQ(read.layers.size(), 2U);
  EXPECT_EQ(read.layers[0].corrected_density, 1.0 / 3.0);
  EXPECT_EQ(read.layers[0].core_weight, (aie::WeightBlock{8, 3, 3, 8}));
  EXPECT_EQ(read.layers[1].producers, (std::vector<int>{0, 0}));
  EXPECT_EQ(read.notes, sample().notes);
}

TEST(TextForm, MalformedTextIsRefusedWithItsPlace) {
  const std::string good = to_json(sample());
  EXPECT_EQ(refusal_of("{"), "tiled network: not JSON (byte 2 of 1)");
  EXPECT_EQ(refusal_of("[]"), "tiled network: top level: an object was expected");
  EXPECT_EQ(refusal_of(replaced(good, "\"version\":1", "\"version\":2")),
            "tiled network: top level: version 2 is not 1");
  EXPECT_EQ(refusal_of(replaced(good, "\"passes\":2", "\"passes\":0")),
            "tiled network: layer 0: passes must be at least 1, not 0");
  EXPECT_EQ(refusal_of(replaced(good, "\"passes\":2", "\"passes\":\"2\"")),
            "tiled network: layer 0, key 'passes': an integer was expected, not \"2\"");
  EXPECT_EQ(refusal_of(replaced(good, "\"passes\":2", "\"passes\":1000000000000")),
            "tiled network: layer 0: passes is too large");
  EXPECT_EQ(refusal_of(replaced(good, "[8,8,3]", "[9223372036854775807,8,3]")),
            "tiled network: layer 0: input is too large");
  EXPECT_EQ(refusal_of(replaced(good, "\"passes\":2,", "")),
            "tiled network: layer 0: key 'passes' is missing");
  EXPECT_EQ(refusal_of(replaced(good, "\"passes\":2", "\"passes\":2,\"extra\":1")),
            "tiled network: layer 0: unknown key 'extra'");
  EXPECT_EQ(refusal_of(replaced(good, "[8,8,3]", "[8,8]")),
            "tiled network: layer 0, key 'input': an array of 3 integers was expected");
  EXPECT_EQ(refusal_of(replaced(good, "[8,8,3]", "[8,-8,3]")),
            "tiled network: layer 0, key 'input': -8 is less than 1");
  EXPECT_EQ(refusal_of(replaced(good, "\"kind\":\"add\"", "\"kind\":\"mod\"")),
            "tiled network: layer 1, key 'kind': 'mod' is no kind of layer");
  EXPECT_EQ(refusal_of(replaced(good, "[0,0]", "[0,1]")),
            "tiled network: layer 1: producer 1 is not an earlier layer");
  EXPECT_EQ(refusal_of(replaced(good, "uneven width", "broad")),
            "tiled network: layer 0: 'broad' is no note");
}

TEST(TextForm, TextCutAnywhereIsRefused) {
  const std::string good = to_json(sample());
  for (std::size_t length = 0; length + 3 < good.size(); length += 7)
    EXPECT_NE(refusal_of(good.substr(0, length)), "accepted") << length;
}

TEST(TextForm, TableNamesLayersAndNotes) {
  EXPECT_THAT(to_text(sample()), testing::HasSubstr("conv1"));
  EXPECT_THAT(to_text(sample()), testing::HasSubstr("uneven width, input pieces"));
}

}  // namespace
}  // namespace wbs::compiler
