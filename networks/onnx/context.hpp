// What the operator importers share: the values known so far, the graph under construction, and
// one ONNX node with its operands and attributes read safely.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "networks/graph.hpp"
#include "networks/graph_builder.hpp"
#include "networks/onnx/host_tensor.hpp"
#include "networks/onnx/names.hpp"

namespace wbs::networks::onnx_io {

/// What a value name of the file stands for: a node of the graph, an initialiser that is decoded
/// when it is read, or a constant that was computed. A constant may also be a node already.
struct Value {
  std::optional<NodeIndex> node;
  const ::onnx::TensorProto* initialiser = nullptr;
  std::shared_ptr<const HostTensor> constant;
  [[nodiscard]] bool is_constant() const noexcept {
    return initialiser != nullptr || constant != nullptr;
  }
};

/// State of one import. Handlers call it through a NodeReader.
struct Importer {
  std::int64_t opset;
  bool own_file;  ///< written by our exporter: names are kept as they are
  Names names;
  GraphBuilder builder;
  Weights weights;
  std::unordered_map<std::string, Value> values;
  std::unordered_map<std::string, const ::onnx::NodeProto*> producers;  ///< by output, whole file
  std::int64_t weight_elements_left = 0;  ///< copies of shared tensors may not fill the memory
  std::int64_t folded_elements_left = 0;  ///< nor may constants that are computed

  NodeIndex add_node(Node node, std::map<std::string, Tensor> tensors = {});
};

/// One node of the file while it is imported. Everything throws Error with a reason that does not
/// name the node: the import loop adds file, node and operator.
class NodeReader {
 public:
  NodeReader(Importer& importer, const ::onnx::NodeProto& proto)
      : importer_(importer), proto_(proto) {}

  [[nodiscard]] Importer& importer() const noexcept { return importer_; }
  [[nodiscard]] std::int64_t opset() const noexcept { return importer_.opset; }
  [[nodiscard]] const std::string& op() const { return proto_.op_type(); }
  [[nodiscard]] const ::onnx::NodeProto& proto() const noexcept { return proto_; }

  // Operands. An optional input that is absent or has an empty name does not exist.
  [[nodiscard]] std::size_t input_count() const {
    return static_cast<std::size_t>(proto_.input_size());
  }
  [[nodiscard]] bool has_input(std::size_t index) const;
  [[nodiscard]] bool is_constant(std::size_t index) const;
  /// Whether input `index` is a constant that was computed from an activation's shape.
  [[nodiscard]] bool is_from_shape(std::size_t index) const;
  [[nodiscard]] Shape shape(std::size_t index) const;
  [[nodiscard]] NodeIndex activation(std::size_t index);  ///< a constant becomes a node
  [[nodiscard]] HostTensor constant(std::size_t index);
  [[nodiscard]] Tensor weight(std::size_t index, const char* role);
  [[nodiscard]] std::vector<std::int64_t> integers(std::size_t index, const char* role) const;
  [[nodiscard]] float scalar(std::size_t index, const char* role) const;

  // Attributes: the default when absent, Error when of another type.
  [[nodiscard]] bool has_attribute(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t absent) const;
  [[nodiscard]] double real(std::string_view name, double absent) const;
  [[nodiscard]] std::string text(std::string_view name, std::string_view absent) const;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integer_list(std::string_view name) const;
  [[nodiscard]] const ::onnx::AttributeProto* find_attribute(std::string_view name) const;

  // Results.
  [[nodiscard]] std::string name() const;            ///< wanted name of a plain node
  [[nodiscard]] std::string parameter_name() const;  ///< of a node with parameters
  NodeIndex add(Op op, std::vector<NodeIndex> inputs, Attributes attributes = {});
  NodeIndex add_named(std::string_view wanted, Op op, std::vector<NodeIndex> inputs,
                      Attributes attributes = {}, std::map<std::string, Tensor> tensors = {});
  void set_output(NodeIndex node, std::size_t index = 0);
  void set_output(HostTensor constant, std::size_t index = 0);
  void alias_output(std::size_t input_index);  ///< output 0 is that input under a new name
  /// Makes a graph node, called like this node, of output 0 when that is a constant of reals.
  void materialise_output();

  /// Throws when a folded constant of `elements` would pass the import's limit.
  void require_room(std::int64_t elements) const;

  /// Throws when outputs past the first `count` are named.
  void require_outputs(std::size_t count) const;

 private:
  NodeIndex constant_node(const Value& constant, const std::string& shown,
                          const std::string& wanted);
  void define(Value value, std::size_t index);
  [[nodiscard]] Value& value(std::size_t index) const;
  [[nodiscard]] HostTensor decoded(const Value& value) const;
  [[nodiscard]] const ::onnx::AttributeProto* typed(
      std::string_view name, ::onnx::AttributeProto::AttributeType type) const;

  Importer& importer_;
  const ::onnx::NodeProto& proto_;
};

/// `axis`, counted from the end when negative, as an index below `rank`. Throws Error outside.
[[nodiscard]] std::int64_t resolved_axis(std::int64_t axis, std::size_t rank);

/// The double with the shortest decimal text of `value`: 1e-05F gives 1e-5, as it was written.
[[nodiscard]] double shortest_double(float value);

}  // namespace wbs::networks::onnx_io
