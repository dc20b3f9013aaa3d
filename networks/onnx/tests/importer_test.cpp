#include "networks/onnx/importer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "networks/interpreter.hpp"
#include "networks/onnx/tests/model_maker.hpp"

namespace wbs::networks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Node& last(const ImportedNetwork& network) {
  return network.graph.nodes[network.graph.output];
}

std::vector<Op> ops(const ImportedNetwork& network) {
  std::vector<Op> result;
  for (const Node& node : network.graph.nodes) result.push_back(node.op);
  return result;
}

/// The message of the Error that importing throws; empty when it does not.
std::string refusal_of(ModelMaker& model, const std::string& output) {
  try {
    static_cast<void>(model.import(output));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// The network's output for a seeded input.
std::vector<float> computed(const ImportedNetwork& network) {
  Tensor input(network.graph.nodes[0].output_shape);
  Rng rng(5);
  rng.fill_normal(input.values, 0.0F, 1.0F);
  return interpret(network.graph, network.weights, input).values;
}

TEST(OnnxImport, ConvTakesItsModulePathAsName) {
  ModelMaker model;
  model.ramp("layer1.0.conv1.weight", {3, 2, 3, 3});
  model.ramp("layer1.0.conv1.bias", {3});
  auto& conv = model.node("Conv", {"x", "layer1.0.conv1.weight", "layer1.0.conv1.bias"}, "y");
  set_ints(conv, "pads", {1, 1, 1, 1});
  set_ints(conv, "strides", {2, 2});
  const ImportedNetwork network = model.import("y");
  EXPECT_EQ(last(network).name, "layer1.0.conv1");
  EXPECT_EQ(last(network).output_shape, (Shape{1, 3, 2, 2}));
  EXPECT_EQ(network.weights.at("layer1.0.conv1/weight").shape, (Shape{3, 2, 3, 3}));
  EXPECT_EQ(network.weights.at("layer1.0.conv1/bias").values[2], 0.02F);
  EXPECT_EQ(network.opset, 13);
  EXPECT_EQ(network.producer, "test");
}

TEST(OnnxImport, WrapperBeforeAllParametersIsDropped) {
  ModelMaker model;
  model.ramp("module.a.weight", {2, 2, 1, 1});
  model.ramp("module.b.c.weight", {2, 2, 1, 1});
  model.node("Conv", {"x", "module.a.weight"}, "h");
  model.node("Conv", {"h", "module.b.c.weight"}, "y");
  const ImportedNetwork network = model.import("y");
  EXPECT_EQ(network.graph.nodes[1].name, "a");
  EXPECT_EQ(last(network).name, "b.c");
}

TEST(OnnxImport, FoldedConvTakesThePathOfItsScope) {
  ModelMaker model;
  model.ramp("onnx::Conv_12", {2, 2, 1, 1});
  auto& conv = model.node("Conv", {"x", "onnx::Conv_12"}, "h");
  conv.set_name("/layer1/layer1.0/conv1/Conv");
  model.node("Relu", {"h"}, "y").set_name("/layer1/layer1.0/Relu");
  const ImportedNetwork network = model.import("y");
  EXPECT_EQ(network.graph.nodes[1].name, "layer1.0.conv1");
  EXPECT_EQ(last(network).name, "layer1.0.Relu");
}

TEST(OnnxImport, SharedInitialisersThroughIdentityGiveEachNodeItsOwn) {
  ModelMaker model;
  for (const char* name : {"bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"}) {
    model.ramp(name, {2});
    const std::string word = std::string(name).substr(4);
    model.node("Identity", {name}, "bn2." + word);
  }
  model.node("BatchNormalization",
             {"x", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"}, "h");
  model.node("BatchNormalization",
             {"h", "bn2.weight", "bn2.bias", "bn2.running_mean", "bn2.running_var"}, "y");
  const ImportedNetwork network = model.import("y");
  EXPECT_THAT(ops(network), ElementsAre(Op::input, Op::batch_norm, Op::batch_norm));
  EXPECT_EQ(last(network).name, "bn2");
  EXPECT_EQ(network.weights.at("bn2/variance").values, network.weights.at("bn1/variance").values);
  EXPECT_EQ(last(network).attributes.epsilon, 1e-5);
}

TEST(OnnxImport, GemmFoldsFactorsAndTransposesIntoTheLinear) {
  ModelMaker model({1, 3});
  model.floats("w", {3, 2}, {1, 2, 3, 4, 5, 6});
  model.floats("c", {1, 2}, {10, 20});
  auto& gemm = model.node("Gemm", {"x", "w", "c"}, "y");
  set_float(gemm, "alpha", 2.0F);
  set_float(gemm, "beta", 0.5F);
  const ImportedNetwork network = model.import("y");
  EXPECT_THAT(network.weights.at("y_node/weight").values, ElementsAre(2, 6, 10, 4, 8, 12));
  EXPECT_THAT(network.weights.at("y_node/bias").values, ElementsAre(5, 10));
}

TEST(OnnxImport, GemmOfTransposedActivationsBecomesPieces) {
  ModelMaker model({3, 2});
  model.ramp("w", {4, 3});
  auto& gemm = model.node("Gemm", {"x", "w"}, "y");
  set_int(gemm, "transA", 1);
  set_int(gemm, "transB", 1);
  EXPECT_THAT(ops(model.import("y")), ElementsAre(Op::input, Op::transpose, Op::linear));
}

TEST(OnnxImport, MatMulAndLearnedVectorBecomeOneLinear) {
  ModelMaker model({1, 5, 3});
  model.ramp("onnx::MatMul_7", {3, 2});
  model.ramp("blocks.0.fc.bias", {2});
  model.node("MatMul", {"x", "onnx::MatMul_7"}, "h");
  model.node("Add", {"blocks.0.fc.bias", "h"}, "y");
  const ImportedNetwork network = model.import("y");
  EXPECT_THAT(ops(network), ElementsAre(Op::input, Op::linear));
  EXPECT_EQ(last(network).name, "blocks.0.fc");
  EXPECT_EQ(network.weights.at("blocks.0.fc/weight").shape, (Shape{2, 3}));
  EXPECT_EQ(network.weights.size(), 2U);
}

TEST(OnnxImport, ClipReadsInputsAndKeepsDecimalValues) {
  ModelMaker model;
  model.floats("low", {}, {0.1F});
  model.floats("high", {}, {6.0F});
  model.node("Clip", {"x", "low", "high"}, "h");
  model.node("Clip", {"h", "", "high"}, "y");
  const ImportedNetwork network = model.import("y");
  EXPECT_EQ(network.graph.nodes[1].attributes.minimum, 0.1);
  EXPECT_EQ(last(network).attributes.maximum, 6.0);
  EXPECT_LT(last(network).attributes.minimum, -1e38);
}

TEST(OnnxImport, ClipReadsTheOldAttributes) {
  ModelMaker model;
  auto& clip = model.node("Clip", {"x"}, "y");
  set_float(clip, "min", 0.0F);
  set_float(clip, "max", 6.0F);
  EXPECT_EQ(last(model.import("y")).attributes.maximum, 6.0);
}

TEST(OnnxImport, SameUpperPutsTheOddPixelBehind) {
  ModelMaker model({1, 2, 5, 5});
  auto& pool = model.node("MaxPool", {"x"}, "y");
  set_ints(pool, "kernel_shape", {2, 2});
  set_text(pool, "auto_pad", "SAME_UPPER");
  EXPECT_EQ(last(model.import("y")).attributes.padding, (Padding{0, 0, 1, 1}));
  pool.mutable_attribute(1)->set_s("SAME_LOWER");
  EXPECT_EQ(last(model.import("y")).attributes.padding, (Padding{1, 1, 0, 0}));
  pool.mutable_attribute(1)->set_s("VALID");
  EXPECT_EQ(last(model.import("y")).output_shape, (Shape{1, 2, 4, 4}));
}

TEST(OnnxImport, AveragePoolKeepsCeilModeAndPaddingRule) {
  ModelMaker model({1, 2, 6, 6});
  auto& pool = model.node("AveragePool", {"x"}, "y");
  set_ints(pool, "kernel_shape", {3, 3});
  set_ints(pool, "strides", {2, 2});
  set_int(pool, "ceil_mode", 1);
  set_int(pool, "count_include_pad", 1);
  const ImportedNetwork network = model.import("y");
  EXPECT_TRUE(last(network).attributes.ceil_mode);
  EXPECT_TRUE(last(network).attributes.count_include_pad);
  EXPECT_EQ(last(network).output_shape, (Shape{1, 2, 3, 3}));
}

TEST(OnnxImport, BatchThatGoesThroughShapeStaysFree) {
  ModelMaker model({0, 2, 4, 4});
  model.integers("zero", {0});
  model.integers("rest", {-1});
  model.node("Shape", {"x"}, "s");
  model.node("Gather", {"s", "zero"}, "n");
  set_int(model.node("Concat", {"n", "rest"}, "target"), "axis", 0);
  model.node("Reshape", {"x", "target"}, "y");
  ImportOptions options;
  options.batch = 3;
  const ImportedNetwork network = model.import("y", options);
  EXPECT_THAT(ops(network), ElementsAre(Op::input, Op::flatten));
  EXPECT_EQ(last(network).output_shape, (Shape{3, 32}));
}

TEST(OnnxImport, ShapeArithmeticIsFolded) {
  ModelMaker model;  // pads channels by the half of their number, computed from the shape
  model.integers("one", {1});
  model.integers("two", {2});
  model.integers("before", {0});
  model.integers("rest", {0, 0, 0, 0, 0, 0});
  model.node("Shape", {"x"}, "s");
  model.node("Slice", {"s", "one", "two"}, "c");
  model.node("Div", {"c", "two"}, "half");
  set_int(model.node("Cast", {"half"}, "half64"), "to", ::onnx::TensorProto::INT64);
  set_int(model.node("Concat", {"before", "half64", "rest"}, "pads"), "axis", 0);
  model.node("Pad", {"x", "pads"}, "y");
  const ImportedNetwork network = model.import("y");
  EXPECT_THAT(ops(network), ElementsAre(Op::input, Op::pad));
  EXPECT_THAT(last(network).attributes.pads, ElementsAre(0, 1, 0, 0, 0, 0, 0, 0));
}

TEST(OnnxImport, SliceOverTwoAxesBecomesTwoNodes) {
  ModelMaker model;
  model.integers("starts", {0, -2});
  model.integers("ends", {9223372036854775807, 4});
  model.integers("axes", {-2, 3});
  model.integers("steps", {2, 1});
  model.node("Slice", {"x", "starts", "ends", "axes", "steps"}, "y");
  const ImportedNetwork network = model.import("y");
  EXPECT_THAT(ops(network), ElementsAre(Op::input, Op::slice, Op::slice));
  EXPECT_EQ(last(network).output_shape, (Shape{1, 2, 2, 2}));
  EXPECT_EQ(last(network).attributes.begin, 2);
}

TEST(OnnxImport, GatherOfOneIndexDropsTheAxis) {
  ModelMaker model({1, 5, 3});
  auto& index = model.integers("index", {-1});
  index.clear_dims();
  set_int(model.node("Gather", {"x", "index"}, "y"), "axis", 1);
  EXPECT_EQ(last(model.import("y")).output_shape, (Shape{1, 3}));
}

TEST(OnnxImport, SplitGivesOneSlicePerOutput) {
  ModelMaker model({1, 4, 2, 2});
  model.integers("sizes", {1, 3});
  auto& split = model.node("Split", {"x", "sizes"}, "a");
  split.add_output("b");
  set_int(split, "axis", 1);
  set_int(model.node("Concat", {"b", "a"}, "y"), "axis", 1);
  EXPECT_EQ(last(model.import("y")).output_shape, (Shape{1, 4, 2, 2}));
}

TEST(OnnxImport, SqueezeAndUnsqueezeAreReadInBothForms) {
  for (const std::int64_t opset : {11, 13}) {
    ModelMaker model({1, 2, 1, 4}, opset);
    auto& squeeze = model.node("Squeeze", {"x"}, "h");
    auto& unsqueeze = model.node("Unsqueeze", {"h"}, "y");
    if (opset == 11) {
      set_ints(squeeze, "axes", {2});
      set_ints(unsqueeze, "axes", {-1, 0});
    } else {
      model.integers("a", {-2});
      model.integers("b", {4, 0});
      squeeze.add_input("a");
      unsqueeze.add_input("b");
    }
    EXPECT_EQ(last(model.import("y")).output_shape, (Shape{1, 1, 2, 4, 1})) << opset;
  }
}

TEST(OnnxImport, OldSoftmaxNormalisesAllAxesFromItsAxisOn) {
  ModelMaker model({1, 2, 4, 4}, 11);
  model.node("Softmax", {"x"}, "y");
  EXPECT_THAT(ops(model.import("y")),
              ElementsAre(Op::input, Op::flatten, Op::softmax, Op::reshape));
  ModelMaker newer({1, 2, 4, 4}, 13);
  set_int(newer.node("Softmax", {"x"}, "y"), "axis", 1);
  EXPECT_THAT(ops(newer.import("y")), ElementsAre(Op::input, Op::softmax));
}

void add_layer_norm(ModelMaker& model, const std::string& input, const std::string& output) {
  model.floats("two", {}, {2.0F});
  model.floats("epsilon", {}, {1e-6F});
  model.ramp("norm1.weight", {3});
  model.ramp("norm1.bias", {3});
  set_ints(model.node("ReduceMean", {input}, "mean"), "axes", {-1});
  model.node("Sub", {input, "mean"}, "centred");
  model.node("Pow", {"centred", "two"}, "square");
  set_ints(model.node("ReduceMean", {"square"}, "variance"), "axes", {-1});
  model.node("Add", {"variance", "epsilon"}, "shifted");
  model.node("Sqrt", {"shifted"}, "deviation");
  model.node("Div", {"centred", "deviation"}, "normal");
  model.node("Mul", {"normal", "norm1.weight"}, "scaled");
  model.node("Add", {"scaled", "norm1.bias"}, output);
}

TEST(OnnxImport, LayerNormPiecesBecomeOneNode) {
  ModelMaker model({1, 5, 3});
  add_layer_norm(model, "x", "y");
  const ImportedNetwork network = model.import("y");
  EXPECT_THAT(ops(network), ElementsAre(Op::input, Op::layer_norm));
  EXPECT_EQ(last(network).name, "norm1");
  EXPECT_EQ(last(network).attributes.epsilon, 1e-6);
  EXPECT_EQ(network.weights.at("norm1/scale").values[2], 0.02F);
}

TEST(OnnxImport, LayerNormPiecesThatOthersReadStayPieces) {
  ModelMaker model({1, 5, 3});
  add_layer_norm(model, "x", "h");
  model.node("Add", {"h", "normal"}, "y");
  EXPECT_EQ(last(model.import("y")).op, Op::add);
  EXPECT_GT(model.import("y").graph.nodes.size(), 9U);
}

TEST(OnnxImport, GeluPiecesBecomeOneNodeInEitherOrder) {
  for (const bool half_first : {false, true}) {
    ModelMaker model;
    model.floats("root", {}, {1.41421356F});
    model.floats("one", {}, {1.0F});
    model.floats("half", {1}, {0.5F});
    model.node("Div", {"x", "root"}, "scaled");
    model.node("Erf", {"scaled"}, "erf");
    model.node("Add", {"erf", "one"}, "bell");
    if (half_first) {
      model.node("Mul", {"half", "x"}, "h");
      model.node("Mul", {"h", "bell"}, "y");
    } else {
      model.node("Mul", {"x", "bell"}, "h");
      model.node("Mul", {"h", "half"}, "y");
    }
    EXPECT_THAT(ops(model.import("y")), ElementsAre(Op::input, Op::gelu)) << half_first;
    model.floats("a", {}, {0.25F});
    model.node("Mul", {"bell", "a"}, "reader");
    model.node("Sub", {"reader", "reader"}, "zero");
    model.node("Add", {"y", "zero"}, "z");
    const std::vector<float> recognised = computed(model.import("y"));
    EXPECT_THAT(recognised,
                ::testing::Pointwise(::testing::FloatNear(1e-6F), computed(model.import("z"))));
  }
}

TEST(OnnxImport, RecognisedLayerNormComputesWhatItsPiecesDo) {
  ModelMaker model({1, 5, 3});
  add_layer_norm(model, "x", "y");
  const std::vector<float> recognised = computed(model.import("y"));
  model.node("Mul", {"normal", "two"}, "reader");
  model.node("Sub", {"reader", "reader"}, "zero");
  model.node("Add", {"y", "zero"}, "z");
  const ImportedNetwork pieces = model.import("z");
  EXPECT_GT(pieces.graph.nodes.size(), 9U);
  EXPECT_THAT(recognised, ::testing::Pointwise(::testing::FloatNear(1e-5F), computed(pieces)));
}

TEST(OnnxImport, GemmPiecesComputeWhatTheLinearDoes) {
  ModelMaker model({2, 3});
  model.ramp("w", {3, 4});
  model.ramp("c", {4});
  model.ramp("zeros", {2, 1}).set_float_data(1, 0.0F);
  for (const char* addend : {"c", "full"}) {
    auto& gemm = model.node("Gemm", {"x", "w", addend}, std::string("with_") + addend);
    set_float(gemm, "alpha", 0.5F);
    set_float(gemm, "beta", 3.0F);
  }
  model.graph().mutable_node()->SwapElements(0, 1);
  model.node("Add", {"c", "zeros"}, "full");  // a bias that differs by row is not a linear's
  model.graph().mutable_node()->SwapElements(0, 2);
  const ImportedNetwork linear = model.import("with_c");
  const ImportedNetwork pieces = model.import("with_full");
  EXPECT_EQ(last(linear).op, Op::linear);
  EXPECT_EQ(last(pieces).op, Op::add);
  EXPECT_THAT(computed(linear),
              ::testing::Pointwise(::testing::FloatNear(1e-5F), computed(pieces)));
}

TEST(OnnxImport, OldSoftmaxSumsToOneOverAllItsAxes) {
  ModelMaker model({1, 2, 2, 2}, 11);
  model.node("Softmax", {"x"}, "y");
  const std::vector<float> values = computed(model.import("y"));
  EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), 1.0, 1e-6);
}

TEST(OnnxImport, EveryStoredElementTypeIsRead) {
  ModelMaker model({1, 1, 1, 1});
  auto& weight = model.floats("w", {1, 1, 1, 1}, {});
  model.node("Conv", {"x", "w"}, "y");
  using ::onnx::TensorProto;
  const auto value = [&] { return model.import("y").weights.at("y_node/weight").values[0]; };
  weight.set_data_type(TensorProto::FLOAT16);
  weight.add_int32_data(0x3C00);
  EXPECT_EQ(value(), 1.0F);
  weight.clear_int32_data();
  weight.set_raw_data(std::string("\x00\xC0", 2));
  EXPECT_EQ(value(), -2.0F);
  weight.set_data_type(TensorProto::BFLOAT16);
  weight.set_raw_data(std::string("\x80\x3F", 2));
  EXPECT_EQ(value(), 1.0F);
  weight.clear_raw_data();
  weight.set_data_type(TensorProto::DOUBLE);
  weight.add_double_data(0.25);
  EXPECT_EQ(value(), 0.25F);
  weight.set_data_type(TensorProto::INT64);
  weight.clear_double_data();
  weight.add_int64_data(1);
  EXPECT_THAT(refusal_of(model, "y"), HasSubstr("holds integers"));
}

TEST(OnnxImport, UnusedNodesAndTheirWeightsAreDropped) {
  ModelMaker model;
  model.ramp("w", {2, 2, 1, 1});
  model.node("Conv", {"x", "w"}, "unused");
  model.node("Relu", {"x"}, "y");
  const ImportedNetwork network = model.import("y");
  EXPECT_THAT(ops(network), ElementsAre(Op::input, Op::relu));
  EXPECT_TRUE(network.weights.empty());
}

TEST(OnnxImport, OneOfSeveralOutputsCanBeChosen) {
  ModelMaker model;
  model.node("Relu", {"x"}, "a");
  model.node("Sigmoid", {"a"}, "b");
  static_cast<void>(model.bytes("a"));
  model.graph().add_output()->set_name("b");
  EXPECT_THAT(refusal_of(model, "a"), HasSubstr("2 outputs"));
  ImportOptions options;
  options.output = "b";
  EXPECT_EQ(last(model.import("a", options)).op, Op::sigmoid);
}

TEST(OnnxImport, ErrorsNameFileNodeAndOperator) {
  ModelMaker model;
  model.node("Loop", {"x"}, "y");
  const std::string message = refusal_of(model, "y");
  EXPECT_THAT(message, HasSubstr("model.onnx"));
  EXPECT_THAT(message, HasSubstr("'y_node'"));
  EXPECT_THAT(message, HasSubstr("'Loop'"));
}

TEST(OnnxImport, SilentlyDifferentFeaturesAreRefused) {
  {
    ModelMaker model;
    set_text(model.node("Pad", {"x", "p"}, "y"), "mode", "reflect");
    model.integers("p", {0, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_THAT(refusal_of(model, "y"), HasSubstr("'reflect'"));
  }
  {
    ModelMaker model;
    set_int(model.node("Relu", {"x"}, "y"), "new_option", 1);
    EXPECT_THAT(refusal_of(model, "y"), HasSubstr("'new_option'"));
  }
  {
    ModelMaker model;
    model.node("Relu", {"x"}, "y").set_domain("com.example");
    EXPECT_THAT(refusal_of(model, "y"), HasSubstr("'com.example'"));
  }
  {
    ModelMaker model;
    auto& pool = model.node("MaxPool", {"x"}, "y");
    set_ints(pool, "kernel_shape", {2, 2});
    pool.add_output("indices");
    EXPECT_THAT(refusal_of(model, "y"), HasSubstr("'indices'"));
  }
}

}  // namespace
}  // namespace wbs::networks
