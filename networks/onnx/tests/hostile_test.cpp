// Whatever the bytes are, importing ends in a network or in one clear Error.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include <functional>
#include <limits>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "networks/onnx/exporter.hpp"
#include "networks/onnx/tests/model_maker.hpp"
#include "networks/onnx/tests/test_networks.hpp"

namespace wbs::networks {
namespace {

using ::testing::HasSubstr;

constexpr const char* kLabel = "hostile.onnx";

/// The message of the Error; empty when the bytes are a network. Everything else fails the test.
std::string outcome(std::string_view bytes) {
  try {
    static_cast<void>(import_onnx_bytes(bytes, kLabel));
    return {};
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_THAT(message, HasSubstr(kLabel));
    EXPECT_NE(error.kind(), ErrorKind::internal);
    EXPECT_LT(message.size(), 2000U);
    EXPECT_EQ(message.find('\n'), std::string::npos);
    return message;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not a wbs::Error: " << error.what();
    return error.what();
  }
}

std::string outcome(ModelMaker& model, const std::string& output = "y") {
  return outcome(model.bytes(output));
}

/// A model in PyTorch's manner, with shape subgraphs.
std::string shape_model() {
  ModelMaker model({0, 2, 4, 4});
  model.model.set_producer_name("pytorch");
  model.ramp("m.conv.weight", {4, 2, 3, 3});
  model.ramp("m.conv.bias", {4});
  set_ints(model.node("Conv", {"x", "m.conv.weight", "m.conv.bias"}, "h"), "pads", {1, 1, 1, 1});
  model.integers("zero", {0});
  model.integers("one", {1});
  model.integers("rest", {-1});
  model.node("Shape", {"h"}, "s");
  model.node("Gather", {"s", "zero"}, "n");
  model.node("Slice", {"s", "zero", "one", "zero", "one"}, "n2");
  model.node("Mul", {"n", "n2"}, "n3");
  model.node("ConstantOfShape", {"n3"}, "zeros");
  set_int(model.node("Cast", {"zeros"}, "zeros64"), "to", 7);
  model.node("Add", {"zeros64", "n"}, "n4");
  set_int(model.node("Concat", {"n4", "rest"}, "target"), "axis", 0);
  model.node("Reshape", {"h", "target"}, "flat");
  model.ramp("m.fc.weight", {3, 64});
  set_int(model.node("Gemm", {"flat", "m.fc.weight"}, "y"), "transB", 1);
  return model.bytes("y");
}

std::vector<std::string> seeds() {
  const Graph images = image_operators();
  const Graph sequences = sequence_operators();
  return {export_onnx_bytes(images, seeded_weights(images)),
          export_onnx_bytes(sequences, seeded_weights(sequences), {.opset = 17}), shape_model()};
}

std::string gzipped(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string result(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

/// Peak resident memory of this process so far, in MiB.
long peak_mebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

TEST(OnnxHostile, EveryCutIsAnErrorOrAnEarlierCompleteModel) {
  for (const std::string& whole : seeds()) {
    EXPECT_EQ(outcome(whole), "");
    const std::size_t step = std::max<std::size_t>(1, whole.size() / 1500);
    for (std::size_t size = 0; size < whole.size(); size += step) {
      // A cut between two fields can leave a model, but never the same one.
      static_cast<void>(outcome(std::string_view(whole).substr(0, size)));
    }
    for (std::size_t size = 1; size < 40; ++size) {
      EXPECT_NE(outcome(std::string_view(whole).substr(0, size)), "") << size;
    }
  }
}

TEST(OnnxHostile, EveryCutOfAGzipStreamIsAnError) {
  const std::string whole = gzipped(shape_model());
  EXPECT_EQ(outcome(whole), "");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(outcome(std::string_view(whole).substr(0, size)), "") << size;
  }
}

TEST(OnnxHostile, DamagedGzipStreamsAreErrors) {
  const std::string whole = gzipped(shape_model());
  Rng rng(7);
  for (int round = 0; round < 500; ++round) {
    std::string bytes = whole;
    const auto at = static_cast<std::size_t>(rng.below(bytes.size()));
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8)));
    static_cast<void>(outcome(bytes));
  }
  EXPECT_THAT(outcome(whole + "tail"), HasSubstr("follow the gzip stream"));
}

TEST(OnnxHostile, TwoGzipMembersAreOneFile) {
  const std::string model = shape_model();
  EXPECT_EQ(outcome(gzipped(model.substr(0, 100)) + gzipped(model.substr(100))), "");
}

TEST(OnnxHostile, BombsAreRefusedBeforeTheyFillTheMemory) {
  const long before = peak_mebibytes();
  const std::string bomb = gzipped(std::string(std::size_t{200} << 20, '\0'));
  EXPECT_LT(bomb.size(), std::size_t{1} << 20);
  EXPECT_THAT(outcome(bomb), HasSubstr("inflates to more than"));
  EXPECT_LT(peak_mebibytes(), before + 600);
}

/// A field of `number` that holds `content`.
std::string block(int number, const std::string& content) {
  std::string bytes;
  const auto varint = [&](std::size_t value) {
    for (; value > 0x7F; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
    bytes += static_cast<char>(value);
  };
  varint(static_cast<std::size_t>(number) * 8 + 2);
  varint(content.size());
  return bytes + content;
}

TEST(OnnxHostile, MillionsOfEmptyMessagesAreRefusedWhereverTheyAre) {
  const auto empty_messages = [](int field) {
    const std::string one = block(field, "");
    std::string many;
    for (int i = 0; i < 2'100'000; ++i) many += one;
    return many;
  };
  const long before = peak_mebibytes();
  const std::string nodes = empty_messages(1);  // a NodeProto of 200 bytes each when parsed
  EXPECT_THAT(outcome(block(7, nodes)), HasSubstr("two million fields"));
  EXPECT_THAT(outcome(block(20, block(2, nodes))), HasSubstr("two million fields"));
  EXPECT_THAT(outcome(block(25, empty_messages(7))), HasSubstr("two million fields"));
  EXPECT_THAT(outcome(block(7, empty_messages(15))), HasSubstr("two million fields"));
  EXPECT_THAT(outcome(block(7, block(1, block(5, empty_messages(15))))),
              HasSubstr("two million fields"));
  EXPECT_LT(peak_mebibytes(), before + 100);
}

TEST(OnnxHostile, PackedIntegersThatGrowEightfoldAreRefused) {
  const std::string zeros(std::size_t{135} << 20, '\0');
  EXPECT_THAT(outcome(block(7, block(5, block(7, zeros)))), HasSubstr("packed integers"));
}

TEST(OnnxHostile, MutatedBytesNeverCrash) {
  const std::vector<std::string> originals = seeds();
  Rng rng(11);
  for (int round = 0; round < 6000; ++round) {
    std::string bytes = originals[static_cast<std::size_t>(rng.below(originals.size()))];
    for (std::uint64_t edits = 1 + rng.below(4); edits > 0; --edits) {
      const auto at = static_cast<std::size_t>(rng.below(bytes.size()));
      const auto length =
          std::min<std::size_t>(1 + static_cast<std::size_t>(rng.below(16)), bytes.size() - at);
      switch (rng.below(5)) {
        case 0:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8)));
          break;
        case 1:
          bytes[at] = static_cast<char>(rng.below(256));
          break;
        case 2:
          bytes.erase(at, length);
          break;
        case 3:
          bytes.insert(at, bytes.substr(at, length));
          break;
        default:
          bytes.replace(at, length, length, static_cast<char>(0xFF));
          break;
      }
      if (bytes.empty()) break;
    }
    static_cast<void>(outcome(bytes));
  }
}

std::int64_t extreme(Rng& rng) {
  constexpr std::int64_t kValues[] = {0,
                                      1,
                                      -1,
                                      2,
                                      3,
                                      7,
                                      -2,
                                      1000,
                                      65536,
                                      std::numeric_limits<std::int32_t>::max(),
                                      std::int64_t{1} << 31,
                                      std::int64_t{1} << 33,
                                      std::int64_t{1} << 62,
                                      std::numeric_limits<std::int64_t>::max(),
                                      std::numeric_limits<std::int64_t>::min()};
  return kValues[rng.below(std::size(kValues))];
}

template <typename Repeated>
int pick(Rng& rng, const Repeated& items) {
  return static_cast<int>(rng.below(static_cast<std::uint64_t>(items.size())));
}

void mutate_attribute(Rng& rng, ::onnx::AttributeProto& attribute) {
  using ::onnx::AttributeProto;
  switch (rng.below(5)) {
    case 0:
      attribute.set_i(extreme(rng));
      break;
    case 1:
      attribute.add_ints(extreme(rng));
      break;
    case 2:
      if (attribute.ints_size() > 0) attribute.set_ints(pick(rng, attribute.ints()), extreme(rng));
      break;
    case 3:
      attribute.set_type(static_cast<AttributeProto::AttributeType>(rng.below(12)));
      break;
    default:
      attribute.clear_ints();
      break;
  }
}

void mutate_tensor(Rng& rng, ::onnx::TensorProto& tensor) {
  switch (rng.below(6)) {
    case 0:
      if (tensor.dims_size() > 0) tensor.set_dims(pick(rng, tensor.dims()), extreme(rng));
      break;
    case 1:
      tensor.add_dims(extreme(rng));
      break;
    case 2:
      tensor.clear_dims();
      break;
    case 3:
      tensor.set_data_type(static_cast<std::int32_t>(rng.below(18)));
      break;
    case 4:
      if (tensor.int64_data_size() > 0) {
        tensor.set_int64_data(pick(rng, tensor.int64_data()), extreme(rng));
      }
      break;
    default:
      tensor.set_raw_data(std::string(static_cast<std::size_t>(rng.below(40)), '\x7f'));
  }
}

void mutate_node(Rng& rng, ::onnx::GraphProto& graph) {
  constexpr const char* kOperators[] = {
      "Conv",  "Gemm",  "MatMul", "Slice", "Gather", "Reshape", "Pad",     "Squeeze", "Concat",
      "Split", "Shape", "Range",  "Where", "Expand", "Cast",    "Softmax", "Sum",     "Div"};
  auto& node = *graph.mutable_node(pick(rng, graph.node()));
  const auto& other = graph.node(pick(rng, graph.node()));
  switch (rng.below(6)) {
    case 0:
      node.set_op_type(kOperators[rng.below(std::size(kOperators))]);
      break;
    case 1:
      if (node.input_size() > 0) node.set_input(pick(rng, node.input()), other.output(0));
      break;
    case 2:
      node.add_input(graph.initializer(pick(rng, graph.initializer())).name());
      break;
    case 3:
      if (node.input_size() > 0) {
        node.set_input(pick(rng, node.input()),
                       graph.initializer(pick(rng, graph.initializer())).name());
      }
      break;
    case 4:
      node.clear_attribute();
      break;
    default:
      if (node.attribute_size() > 0) {
        mutate_attribute(rng, *node.mutable_attribute(pick(rng, node.attribute())));
      }
  }
}

TEST(OnnxHostile, MutatedModelsNeverCrash) {
  const std::vector<std::string> originals = seeds();
  Rng rng(13);
  int imported = 0;
  for (int round = 0; round < 6000; ++round) {
    ::onnx::ModelProto model;
    ASSERT_TRUE(
        model.ParseFromString(originals[static_cast<std::size_t>(rng.below(originals.size()))]));
    auto& graph = *model.mutable_graph();
    for (std::uint64_t edits = 1 + rng.below(2); edits > 0; --edits) {
      switch (rng.below(8)) {
        case 0:
          mutate_tensor(rng, *graph.mutable_initializer(pick(rng, graph.initializer())));
          break;
        case 1:
          graph.mutable_node()->SwapElements(pick(rng, graph.node()), pick(rng, graph.node()));
          break;
        case 2:
          graph.mutable_node()->DeleteSubrange(pick(rng, graph.node()), 1);
          break;
        case 3:
          graph.mutable_input(0)
              ->mutable_type()
              ->mutable_tensor_type()
              ->mutable_shape()
              ->mutable_dim(static_cast<int>(rng.below(3)))
              ->set_dim_value(extreme(rng));
          break;
        case 4:
          model.mutable_opset_import(0)->set_version(11 + static_cast<int>(rng.below(7)));
          break;
        default:
          mutate_node(rng, graph);
          break;
      }
    }
    imported += outcome(model.SerializeAsString()).empty() ? 1 : 0;
  }
  EXPECT_GT(imported, 100);  // the mutations are not all refused at the door
}

TEST(OnnxHostile, ImpossibleInitialisersAreNamedWithTheirReader) {
  const std::vector<std::pair<const char*, std::function<void(::onnx::TensorProto&)>>> cases = {
      {"not possible", [](auto& w) { w.set_dims(0, -3); }},
      {"not possible", [](auto& w) { w.set_dims(0, std::numeric_limits<std::int64_t>::max()); }},
      {"needs 72000000000000", [](auto& w) { w.set_dims(0, 4'000'000'000'000); }},
      {"values are stored", [](auto& w) { w.add_float_data(1.0F); }},
      {"bytes are stored", [](auto& w) { w.set_raw_data("abc"); }},
      {"STRING", [](auto& w) { w.set_data_type(::onnx::TensorProto::STRING); }},
      {"number 99", [](auto& w) { w.set_data_type(99); }},
      {"external data", [](auto& w) { w.set_data_location(::onnx::TensorProto::EXTERNAL); }},
  };
  for (const auto& [expected, damage] : cases) {
    ModelMaker model;
    auto& weight = model.ramp("conv.weight", {1, 2, 3, 3});
    model.node("Conv", {"x", "conv.weight"}, "y");
    damage(weight);
    const std::string message = outcome(model);
    EXPECT_THAT(message, HasSubstr(expected));
    EXPECT_THAT(message, HasSubstr("'conv.weight'"));
    EXPECT_THAT(message, HasSubstr("'y_node' ('Conv')"));
  }
}

TEST(OnnxHostile, CyclesAndMissingInputsAreExplained) {
  ModelMaker cycle;
  cycle.node("Add", {"x", "b"}, "a");
  cycle.node("Relu", {"a"}, "b");
  EXPECT_THAT(outcome(cycle, "b"), HasSubstr("cycle"));
  ModelMaker missing;
  missing.node("Relu", {"nothing"}, "y");
  EXPECT_THAT(outcome(missing), HasSubstr("'nothing' does not exist"));
  ModelMaker self;
  self.node("Relu", {"y"}, "y");
  EXPECT_THAT(outcome(self), HasSubstr("cycle"));
  ModelMaker twice;
  twice.node("Relu", {"x"}, "y");
  twice.node("Relu", {"x"}, "y");
  EXPECT_THAT(outcome(twice), HasSubstr("defined twice"));
  ModelMaker empty;
  EXPECT_THAT(outcome(empty), HasSubstr("computed by no node"));
}

TEST(OnnxHostile, AttributesThatAreThereTwiceAreErrors) {
  ModelMaker model;
  auto& concat = model.node("Concat", {"x", "x"}, "y");
  set_int(concat, "axis", 1);
  set_int(concat, "axis", 2);
  EXPECT_THAT(outcome(model), HasSubstr("'axis' is there twice"));
}

TEST(OnnxHostile, WrongAttributeTypesAreErrors) {
  ModelMaker model;
  auto& pool = model.node("MaxPool", {"x"}, "y");
  set_text(pool, "kernel_shape", "3x3");
  EXPECT_THAT(outcome(model), HasSubstr("'kernel_shape' is of type STRING, expected INTS"));
}

TEST(OnnxHostile, SmallFilesCannotAskForLargeConstants) {
  const long before = peak_mebibytes();
  {
    ModelMaker model;
    model.integers("huge", {100000, 100000});
    model.node("ConstantOfShape", {"huge"}, "h");
    model.node("Add", {"x", "h"}, "y");
    EXPECT_THAT(outcome(model), HasSubstr("too much memory"));
  }
  {
    ModelMaker model;
    model.integers("low", {0});
    model.integers("high", {std::numeric_limits<std::int64_t>::max()});
    model.integers("one", {1});
    model.node("Range", {"low", "high", "one"}, "y");
    EXPECT_THAT(outcome(model), HasSubstr("too much memory"));
  }
  {
    ModelMaker model;  // doubles forty times
    model.ramp("h0", {16});
    for (int i = 0; i < 40; ++i) {
      const std::string from = fmt::format("h{}", i);
      set_int(model.node("Concat", {from, from}, fmt::format("h{}", i + 1)), "axis", 0);
    }
    EXPECT_THAT(outcome(model, "h40"), HasSubstr("too much memory"));
  }
  EXPECT_LT(peak_mebibytes(), before + 600);
}

TEST(OnnxHostile, HugeActivationsAllocateNothing) {
  const long before = peak_mebibytes();
  ModelMaker model({1, 3, 1000000, 1000000});
  model.node("Relu", {"x"}, "y");
  EXPECT_NE(outcome(model), "");
  EXPECT_LT(peak_mebibytes(), before + 100);
}

TEST(OnnxHostile, OtherOperatorSetsAreRefusedByNumber) {
  for (const std::int64_t opset : {1, 10, 18, 21, -1}) {
    ModelMaker model({1, 2, 4, 4}, opset);
    model.node("Relu", {"x"}, "y");
    EXPECT_THAT(outcome(model), HasSubstr("11 to 17"));
  }
}

TEST(OnnxHostile, NamesCannotForgeMessages) {
  ModelMaker model;
  model.node("Evil\nOperator", {"x"}, std::string(100000, 'y'));
  static_cast<void>(outcome(model));
}

TEST(OnnxHostile, LongListsDoNotFillTheMessage) {
  ModelMaker model;
  model.integers("pads", std::vector<std::int64_t>(4000, 1234567890123));
  model.node("Pad", {"x", "pads"}, "y");
  EXPECT_THAT(outcome(model), HasSubstr("..."));
}

TEST(OnnxHostile, MissingFilesAndFoldersAreErrors) {
  for (const char* path : {"/nowhere/net.onnx", "/tmp"}) {
    try {
      static_cast<void>(import_onnx(path));
      FAIL() << path;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(path));
    }
  }
}

}  // namespace
}  // namespace wbs::networks
