#include <fmt/format.h>

#include "core/error.hpp"
#include "networks/graph_builder.hpp"
#include "networks/zoo_families.hpp"

namespace wbs::networks::zoo {
namespace {

constexpr std::int64_t kPatch = 16;
constexpr std::int64_t kWidth = 192;
constexpr std::int64_t kHeads = 3;
constexpr std::int64_t kHeadWidth = kWidth / kHeads;
constexpr int kDepth = 12;
constexpr double kEpsilon = 1e-6;

/// [n][3][h][w] -> [n][1 + patches][192]: row 0 is the class token. Without an operator that
/// repeats the token over the batch, a zero row is put before the patches and the token, followed
/// by zero rows, is added.
NodeIndex embed(GraphBuilder& g) {
  NodeIndex x = g.conv(
      "patch_embed.proj", g.input(),
      {.channels = kWidth, .kernel = {kPatch, kPatch}, .stride = {kPatch, kPatch}, .bias = true});
  x = g.reshape("patch_embed.flatten", x, {0, kWidth, -1});
  x = g.transpose("patch_embed.transpose", x, {0, 2, 1});
  const std::int64_t patches = g.shape(x)[1];
  x = g.pad("cls_token.row", x, {0, 1, 0, 0, 0, 0});
  NodeIndex token = g.constant_tensor("cls_token", {1, 1, kWidth}, true);
  token = g.pad("cls_token.rows", token, {0, 0, 0, 0, patches, 0});
  x = g.binary(Op::add, "cls_token.add", x, token);
  const NodeIndex position = g.constant_tensor("pos_embed", {1, patches + 1, kWidth}, true);
  return g.binary(Op::add, "pos_embed.add", x, position);
}

NodeIndex attention(GraphBuilder& g, const std::string& name, NodeIndex x) {
  x = g.linear(name + ".qkv", x, 3 * kWidth);
  x = g.reshape(name + ".qkv.heads", x, {0, 0, 3 * kHeads, kHeadWidth});
  x = g.transpose(name + ".qkv.transpose", x, {0, 2, 1, 3});
  const auto third = [&](const char* part, std::int64_t index) {
    return g.slice(name + part, x,
                   {.axis = 1, .begin = index * kHeads, .end = (index + 1) * kHeads});
  };
  const NodeIndex query = third(".q", 0);
  const NodeIndex key = third(".k", 1);
  const NodeIndex value = third(".v", 2);
  const NodeIndex turned = g.transpose(name + ".k.transpose", key, {0, 1, 3, 2});
  NodeIndex scores = g.binary(Op::matmul, name + ".scores", query, turned);
  const NodeIndex scale = g.constant(name + ".scale", 0.125);  // 1 / sqrt(64)
  scores = g.binary(Op::mul, name + ".scaled", scores, scale);
  scores = g.softmax(name + ".softmax", scores, 3);
  NodeIndex mixed = g.binary(Op::matmul, name + ".mix", scores, value);
  mixed = g.transpose(name + ".mix.transpose", mixed, {0, 2, 1, 3});
  mixed = g.reshape(name + ".mix.join", mixed, {0, 0, kWidth});
  return g.linear(name + ".proj", mixed, kWidth);
}

NodeIndex block(GraphBuilder& g, const std::string& name, NodeIndex x) {
  NodeIndex branch = g.layer_norm(name + ".norm1", x, kEpsilon);
  branch = attention(g, name + ".attn", branch);
  x = g.binary(Op::add, name + ".add1", x, branch);
  branch = g.layer_norm(name + ".norm2", x, kEpsilon);
  branch = g.linear(name + ".mlp.fc1", branch, 4 * kWidth);
  branch = g.unary(Op::gelu, name + ".mlp.act", branch);
  branch = g.linear(name + ".mlp.fc2", branch, kWidth);
  return g.binary(Op::add, name + ".add2", x, branch);
}

}  // namespace

Graph vit_tiny(const ZooRequest& request) {
  if (request.input[2] % kPatch != 0 || request.input[3] % kPatch != 0) {
    throw Error(ErrorKind::usage,
                fmt::format("network '{}': height and width must be multiples of {}", request.name,
                            kPatch));
  }
  GraphBuilder g(std::string(request.name), request.input);
  NodeIndex x = embed(g);
  for (int index = 0; index < kDepth; ++index) x = block(g, fmt::format("blocks.{}", index), x);
  x = g.layer_norm("norm", x, kEpsilon);
  x = g.slice("pool", x, {.axis = 1, .begin = 0, .end = 1});
  x = g.flatten("flatten", x);
  x = g.linear("head", x, request.classes);
  return std::move(g).finish(x);
}

Graph mlp(const ZooRequest& request) {
  GraphBuilder g(std::string(request.name), request.input);
  NodeIndex x = g.flatten("flatten", g.input());
  x = g.relu("relu1", g.linear("fc1", x, 300));
  x = g.relu("relu2", g.linear("fc2", x, 100));
  x = g.linear("fc3", x, request.classes);
  return std::move(g).finish(x);
}

}  // namespace wbs::networks::zoo
