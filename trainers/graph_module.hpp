// A network of the graph IR as something LibTorch can train.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "networks/graph.hpp"
#include "sparsity/pattern.hpp"
#include "trainers/method.hpp"
#include "trainers/ranks.hpp"
#include "trainers/sparse_product.hpp"

namespace wbs::trainers {

/// Which layers a pattern applies to: convolutions without groups except the network's first layer
/// with a kernel, and by option linear layers.
struct SparseChoice {
  sparsity::Pattern pattern;
  bool linear = false;
  bool dense_last = false;  ///< the network's last layer with a kernel stays dense
};

/// A tensor of the network.
struct NamedTensor {
  std::string key;  ///< "node/role"
  torch::Tensor value;
  bool decays = false;  ///< weight decay applies: weights of conv and linear
};

/// How a forward pass treats batch statistics, dropout and sparsity.
struct ForwardPass {
  /// Batch statistics of this batch, which move the running ones by `momentum`; dropout drops.
  bool training = false;
  double momentum = 0.1;
  double dropout = 0.0;
  bool bf16 = false;  ///< products and activations in bfloat16
  /// Whose products the sparse layers use; nothing: dense products of the weights as they are.
  const Method* method = nullptr;
  Ranks* ranks = nullptr;  ///< batch statistics are over all of them; nothing: this one only
  // Where dropout's random numbers come from: they depend on the image, not on the rank.
  std::uint64_t seed = 1;
  std::int64_t step = 0;
  std::int64_t first_image = 0;  ///< of the batch over all ranks
};

/// A network whose tensors are LibTorch's. Copies of a module would share tensors: see clone().
class GraphModule {
 public:
  /// The network with zeros for all tensors. Throws Error(unsupported) naming the first node that
  /// cannot be trained. A softmax at the end is left out: the output are logits.
  GraphModule(networks::Graph graph, torch::Device device);

  GraphModule(const GraphModule&) = delete;
  GraphModule& operator=(const GraphModule&) = delete;
  GraphModule(GraphModule&&) = default;
  GraphModule& operator=(GraphModule&&) = default;
  ~GraphModule() = default;

  [[nodiscard]] const networks::Graph& graph() const noexcept { return graph_; }
  [[nodiscard]] torch::Device device() const noexcept { return device_; }

  /// Replaces the values of all tensors. Throws Error(input) as check_weights() does.
  void load(const networks::Weights& weights);
  /// Copies of all tensors' values.
  [[nodiscard]] networks::Weights weights() const;

  /// Leaves that require grad: weights, biases, scales, learned constants; node by node, roles in
  /// alphabetical order.
  [[nodiscard]] const std::vector<NamedTensor>& parameters() const noexcept { return parameters_; }
  /// Running means and variances, and constants that are not learned.
  [[nodiscard]] const std::vector<NamedTensor>& buffers() const noexcept { return buffers_; }
  /// The tensor of that key. Throws Error(internal).
  [[nodiscard]] const torch::Tensor& tensor(const std::string& key) const;

  /// Marks the layers that `choice` applies to and returns them, in order; forward() then asks the
  /// pass's method for the products of layer 0, 1, ... Throws Error(unsupported) with the reason
  /// when the pattern does not fit one.
  std::vector<SparseLayer> make_sparse(const SparseChoice& choice);
  /// Gives sparse layer `layer` another backend for its products.
  void set_backend(std::size_t layer, std::shared_ptr<const ProductBackend> backend);
  /// The multiplication that sparse layer `layer` does.
  [[nodiscard]] const ProductShape& product_shape_of(std::size_t layer) const;

  /// The logits [n][classes] for images [n][c][h][w], fp32.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& images, const ForwardPass& pass);

  /// The same network with tensors of its own that hold the same values; no sparse layers.
  [[nodiscard]] GraphModule clone() const;
  /// Copies the values of `other`, a clone.
  void copy_from(const GraphModule& other);

 private:
  /// A node's tensors and how it runs.
  struct Layer {
    std::map<std::string, torch::Tensor> tensors;  // by role
    ProductShape shape;
    std::shared_ptr<const ProductBackend> backend;
    std::optional<std::size_t> sparse;  // index among the sparse layers
    bool in_place = false;              // may overwrite its input
    std::size_t readers = 0;
  };

  void add_tensors(const networks::Node& node, Layer& layer);
  void mark_in_place();
  void infer_for(std::int64_t batch);
  torch::Tensor run(const networks::Node& node, const Layer& layer,
                    std::span<const torch::Tensor> inputs, const ForwardPass& pass);
  torch::Tensor product(const networks::Node& node, const Layer& layer, const torch::Tensor& x,
                        const ForwardPass& pass);

  networks::Graph graph_;
  networks::NodeIndex logits_ = 0;
  torch::Device device_;
  std::vector<Layer> layers_;  // by node
  std::vector<networks::NodeIndex> sparse_nodes_;
  std::vector<NamedTensor> parameters_;
  std::vector<NamedTensor> buffers_;
  std::int64_t batch_ = 0;  // that graph_'s shapes are for
};

}  // namespace wbs::trainers
