#include "trainers/graph_module.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "networks/cost.hpp"
#include "networks/shape_inference.hpp"
#include "trainers/batch_norm.hpp"
#include "trainers/graph_ops.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

using networks::Graph;
using networks::Node;
using networks::NodeIndex;
using networks::Op;
using torch::Tensor;

bool has_kernel(const Node& node) {
  return node.op == Op::conv || node.op == Op::linear;
}

bool is_parameter(const Node& node, const std::string& role) {
  if (node.op == Op::constant) return node.attributes.learned;
  return role == "weight" || role == "bias" || role == "scale";
}

/// The node of the logits: a softmax at the end only serves inference.
NodeIndex logits_of(const Graph& graph) {
  NodeIndex node = graph.output;
  while (graph.nodes[node].op == Op::softmax || graph.nodes[node].op == Op::identity) {
    node = graph.nodes[node].inputs[0];
  }
  return node;
}

/// Dropout by inverted scaling. Element k of image i in step s is decided by word k of a stream of
/// its own, so ranks and batch splits change nothing.
Tensor dropped(const Node& node, const Tensor& x, const ForwardPass& pass) {
  if (!pass.training || pass.dropout == 0.0) return x;
  constexpr std::uint64_t kStepWords = std::uint64_t{1} << 36;
  const std::string name = "dropout/" + node.name;
  Rng rng(pass.seed, stream_of(name.data(), name.size()));
  const std::int64_t per_image = x.numel() / x.size(0);
  rng.seek(static_cast<std::uint64_t>(pass.step) * kStepWords +
           static_cast<std::uint64_t>(pass.first_image * per_image));
  const Tensor factors = torch::empty(x.sizes(), torch::kFloat32);
  const auto threshold = static_cast<std::uint32_t>(pass.dropout * 4294967296.0);
  const auto kept = static_cast<float>(1.0 / (1.0 - pass.dropout));
  float* values = factors.data_ptr<float>();
  for (std::int64_t i = 0; i < factors.numel(); ++i) {
    values[i] = rng.next_u32() < threshold ? 0.0F : kept;
  }
  return x * factors.to(x.device(), x.scalar_type());
}

}  // namespace

GraphModule::GraphModule(Graph graph, torch::Device device)
    : graph_(std::move(graph)), logits_(logits_of(graph_)), device_(device) {
  networks::check_structure(graph_);
  infer_for(1);
  layers_.resize(graph_.nodes.size());
  for (NodeIndex index = 0; index < graph_.nodes.size(); ++index) {
    const Node& node = graph_.nodes[index];
    Layer& layer = layers_[index];
    add_tensors(node, layer);
    if (has_kernel(node)) layer.shape = product_shape(node);
    for (const NodeIndex input : node.inputs) ++layers_[input].readers;
  }
  mark_in_place();
}

void GraphModule::add_tensors(const Node& node, Layer& layer) {
  for (const auto& [role, shape] : node.weight_shapes) {
    Tensor value = torch::zeros(shape, torch::dtype(torch::kFloat32).device(device_));
    layer.tensors.emplace(role, value);
    const std::string key = networks::weight_key(node, role);
    if (is_parameter(node, role)) {
      value.requires_grad_(true);
      parameters_.push_back({key, value, has_kernel(node) && role == "weight"});
    } else {
      buffers_.push_back({key, value, false});
    }
  }
}

// A ReLU overwrites its input where nobody else reads it and its producer's gradient does not need
// it: saves a pass over memory and the memory itself.
void GraphModule::mark_in_place() {
  for (NodeIndex index = 0; index < graph_.nodes.size(); ++index) {
    const Node& node = graph_.nodes[index];
    if (node.op != Op::relu) continue;
    const NodeIndex input = node.inputs[0];
    const Op producer = graph_.nodes[input].op;
    const bool safe = producer == Op::conv || producer == Op::linear ||
                      producer == Op::batch_norm || producer == Op::add;
    layers_[index].in_place = safe && layers_[input].readers == 1 && input != logits_;
  }
}

void GraphModule::infer_for(std::int64_t batch) {
  if (batch == batch_) return;
  Shape input = graph_.nodes[0].attributes.shape;
  input.at(0) = batch;
  networks::infer_shapes(graph_, input);
  batch_ = batch;
}

void GraphModule::load(const networks::Weights& weights) {
  networks::check_weights(graph_, weights);
  const torch::NoGradGuard no_grad;
  for (const auto* group : {&parameters_, &buffers_}) {
    for (const NamedTensor& tensor : *group) {
      const Tensor value = tensor.value;
      value.copy_(to_torch(weights.at(tensor.key)));
    }
  }
}

networks::Weights GraphModule::weights() const {
  networks::Weights weights;
  for (const auto* group : {&parameters_, &buffers_}) {
    for (const NamedTensor& tensor : *group) weights[tensor.key] = from_torch(tensor.value);
  }
  return weights;
}

const Tensor& GraphModule::tensor(const std::string& key) const {
  for (const auto* group : {&parameters_, &buffers_}) {
    for (const NamedTensor& tensor : *group) {
      if (tensor.key == key) return tensor.value;
    }
  }
  throw Error(ErrorKind::internal, fmt::format("the module has no tensor '{}'", key));
}

std::vector<SparseLayer> GraphModule::make_sparse(const SparseChoice& choice) {
  infer_for(1);
  const networks::Cost cost = networks::cost_of(graph_);
  std::vector<NodeIndex> kernels;
  for (NodeIndex index = 0; index < graph_.nodes.size(); ++index) {
    if (has_kernel(graph_.nodes[index])) kernels.push_back(index);
  }
  sparse_nodes_.clear();
  for (Layer& layer : layers_) layer.sparse.reset();
  std::vector<SparseLayer> layers;
  for (const NodeIndex index : kernels) {
    const Node& node = graph_.nodes[index];
    const bool conv = node.op == Op::conv;
    if (conv ? node.attributes.groups != 1 || index == kernels.front() : !choice.linear) continue;
    if (choice.dense_last && index == kernels.back() && kernels.size() > 1) continue;
    if (const auto fits = sparsity::check_fits(choice.pattern, node.weight_shapes.at("weight"));
        !fits) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("network '{}': {} does not fit '{}': {}", graph_.name,
                              sparsity::to_string(choice.pattern), node.name, fits.error()));
    }
    Layer& layer = layers_[index];
    layer.sparse = sparse_nodes_.size();
    layer.backend = dense_backend(layer.shape);
    sparse_nodes_.push_back(index);
    layers.push_back(
        {node.name, layer.tensors.at("weight"), choice.pattern, cost.nodes[index].macs});
  }
  return layers;
}

void GraphModule::set_backend(std::size_t layer, std::shared_ptr<const ProductBackend> backend) {
  layers_[sparse_nodes_.at(layer)].backend = std::move(backend);
}

const ProductShape& GraphModule::product_shape_of(std::size_t layer) const {
  return layers_[sparse_nodes_.at(layer)].shape;
}

Tensor GraphModule::product(const Node& node, const Layer& layer, const Tensor& x,
                            const ForwardPass& pass) {
  const Tensor& weight = layer.tensors.at("weight");
  const auto found = layer.tensors.find("bias");
  const Tensor bias = found == layer.tensors.end() ? Tensor() : found->second;
  Tensor input = padded(node, x);
  if (pass.bf16) input = input.to(torch::kBFloat16);
  if (pass.method == nullptr || !layer.sparse) {
    return plain_product(input, weight, bias, layer.shape);
  }
  const LayerProducts& products = pass.method->products(*layer.sparse);
  if (products.forward_weight.defined() && products.forward_weight.requires_grad()) {
    return plain_product(input, products.forward_weight, bias, layer.shape);
  }
  if (is_dense(products)) return plain_product(input, weight, bias, layer.shape);
  return sparse_product(input, weight, bias, products, layer.backend);
}

Tensor GraphModule::run(const Node& node, const Layer& layer, std::span<const Tensor> inputs,
                        const ForwardPass& pass) {
  switch (node.op) {
    case Op::conv:
    case Op::linear:
      return product(node, layer, inputs[0], pass);
    case Op::batch_norm: {
      const NormTensors tensors{layer.tensors.at("scale"), layer.tensors.at("bias"),
                                layer.tensors.at("mean"), layer.tensors.at("variance")};
      if (!pass.training) return batch_norm_inference(inputs[0], tensors, node.attributes.epsilon);
      const std::unique_ptr<Ranks> alone = one_rank();
      return batch_norm_training(inputs[0], tensors, node.attributes.epsilon, pass.momentum,
                                 pass.ranks == nullptr ? *alone : *pass.ranks);
    }
    case Op::layer_norm:
      return at::layer_norm(inputs[0].to(torch::kFloat32), {inputs[0].size(-1)},
                            layer.tensors.at("scale"), layer.tensors.at("bias"),
                            node.attributes.epsilon)
          .to(inputs[0].scalar_type());
    case Op::constant: {
      const auto value = layer.tensors.find("value");
      if (value != layer.tensors.end()) return value->second;
      return torch::full(node.output_shape, node.attributes.value,
                         torch::dtype(torch::kFloat32).device(device_));
    }
    case Op::dropout:
      return dropped(node, inputs[0], pass);
    default:
      return evaluate(node, inputs, node.output_shape, layer.in_place);
  }
}

Tensor GraphModule::forward(const Tensor& images, const ForwardPass& pass) {
  infer_for(images.size(0));
  std::vector<Tensor> values(graph_.nodes.size());
  std::vector<std::size_t> readers;
  for (const Layer& layer : layers_) readers.push_back(layer.readers);
  values[0] = images.to(device_);
  // Channels last: oneDNN and cuDNN need no conversions between layers then.
  if (images.dim() == 4) values[0] = values[0].contiguous(torch::MemoryFormat::ChannelsLast);
  for (NodeIndex index = 1; index <= logits_; ++index) {
    const Node& node = graph_.nodes[index];
    std::vector<Tensor> inputs;
    for (const NodeIndex input : node.inputs) {
      inputs.push_back(values[input]);
      if (--readers[input] == 0) values[input] = Tensor();
    }
    try {
      values[index] = run(node, layers_[index], inputs, pass);
    } catch (const c10::Error& error) {
      rethrow_torch_error(
          error, fmt::format("network '{}': {} '{}'", graph_.name, op_name(node.op), node.name));
    }
  }
  return values[logits_].reshape({images.size(0), -1}).to(torch::kFloat32);
}

GraphModule GraphModule::clone() const {
  GraphModule copy(graph_, device_);
  copy.copy_from(*this);
  return copy;
}

void GraphModule::copy_from(const GraphModule& other) {
  const torch::NoGradGuard no_grad;
  const auto copy = [](const std::vector<NamedTensor>& from, const std::vector<NamedTensor>& to) {
    WBS_ASSERT(from.size() == to.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      const Tensor target = to[i].value;
      target.copy_(from[i].value);
    }
  };
  copy(other.parameters_, parameters_);
  copy(other.buffers_, buffers_);
}

}  // namespace wbs::trainers
