#include "networks/onnx/importer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <new>
#include <set>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "networks/onnx/file_bytes.hpp"
#include "networks/onnx/model_reader.hpp"
#include "networks/onnx/operators.hpp"
#include "networks/onnx/patterns.hpp"
#include "networks/shape_inference.hpp"

namespace wbs::networks {
namespace {

using onnx_io::in_quotes;

/// Elements that folded constants may have in all, beyond four times the file's own.
constexpr std::int64_t kFoldedElements = std::int64_t{1} << 24;
/// Elements that weights may have in all, beyond the file's own: copies of shared tensors.
constexpr std::int64_t kCopiedElements = std::int64_t{1} << 28;

/// The reason in `error`, without the thousands of extents that a hostile file can put there.
std::string reason(const Error& error) {
  constexpr std::size_t kLongest = 1000;
  std::string text = error.what();
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

/// What the user calls the network: the graph's name, or the file's where that is a default.
std::string graph_name(const ::onnx::GraphProto& graph, const std::string& label,
                       const ImportOptions& options) {
  if (!options.name.empty()) return options.name;
  static constexpr std::string_view kDefaults[] = {"", "torch_jit", "torch-jit-export",
                                                   "main_graph"};
  const std::string& own = graph.name();
  if (std::find(std::begin(kDefaults), std::end(kDefaults), own) == std::end(kDefaults)) {
    return own.substr(0, 200);
  }
  std::filesystem::path file = std::filesystem::path(label).filename();
  if (file.extension() == ".gz") file = file.stem();
  return file.stem().string();
}

/// The only graph input that is not an initialiser.
const ::onnx::ValueInfoProto& data_input(const ::onnx::GraphProto& graph,
                                         const std::string& label) {
  std::set<std::string_view> initialisers;
  for (const auto& tensor : graph.initializer()) initialisers.insert(tensor.name());
  const ::onnx::ValueInfoProto* found = nullptr;
  for (const auto& input : graph.input()) {
    if (initialisers.contains(input.name())) continue;
    if (found != nullptr) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("{}: has several inputs, {} and {}; networks of one input are "
                              "supported",
                              label, in_quotes(found->name()), in_quotes(input.name())));
    }
    found = &input;
  }
  if (found == nullptr) throw Error(ErrorKind::input, label + ": the graph has no input");
  return *found;
}

Shape input_shape(const ::onnx::ValueInfoProto& input, const std::string& label,
                  const ImportOptions& options) {
  const std::string place = fmt::format("{}: input {}", label, in_quotes(input.name()));
  if (!input.has_type() || !input.type().has_tensor_type()) {
    throw Error(ErrorKind::unsupported, place + " is not a tensor");
  }
  const auto& type = input.type().tensor_type();
  using ::onnx::TensorProto;
  if (type.elem_type() != TensorProto::FLOAT && type.elem_type() != TensorProto::FLOAT16 &&
      type.elem_type() != TensorProto::DOUBLE) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{} has element type number {}; floating-point inputs are supported",
                            place, type.elem_type()));
  }
  if (options.input_shape) return *options.input_shape;
  if (!type.has_shape() || type.shape().dim_size() == 0) {
    throw Error(ErrorKind::input, place + " has no shape; give one in the import's options");
  }
  Shape shape;
  for (const auto& dimension : type.shape().dim()) {
    const bool is_known = dimension.has_dim_value() && dimension.dim_value() > 0;
    if (dimension.has_dim_value() && dimension.dim_value() < 0) {
      throw Error(ErrorKind::input, fmt::format("{} has extent {} in dimension {}", place,
                                                dimension.dim_value(), shape.size()));
    }
    if (!is_known && !shape.empty()) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("{}: dimension {} is dynamic; give its shape in the import's options",
                              place, shape.size()));
    }
    shape.push_back(is_known ? dimension.dim_value() : options.batch);
  }
  return shape;
}

/// The node that reads `name`, as " (read by node 'x' (Conv))", for messages about the tensor.
std::string reader_of(const ::onnx::GraphProto& graph, const std::string& name) {
  for (const auto& node : graph.node()) {
    for (const std::string& input : node.input()) {
      if (input != name) continue;
      return fmt::format(" (read by node {} ({}))", in_quotes(node.name()),
                         in_quotes(node.op_type()));
    }
  }
  return " (read by no node)";
}

std::int64_t define_initialisers(const ::onnx::GraphProto& graph, const std::string& label,
                                 onnx_io::Importer& importer) {
  if (graph.sparse_initializer_size() > 0) {
    throw Error(ErrorKind::unsupported, label + ": sparse initialisers are not supported");
  }
  std::int64_t elements = 0;
  for (const auto& tensor : graph.initializer()) {
    try {
      onnx_io::check_tensor(tensor);
    } catch (const Error& error) {
      throw Error(error.kind(),
                  fmt::format("{}: initialiser {}{}: {}", label, in_quotes(tensor.name()),
                              reader_of(graph, tensor.name()), reason(error)));
    }
    elements += element_count(onnx_io::shape_of(tensor));
    onnx_io::Value value;
    value.initialiser = &tensor;
    if (tensor.name().empty() || !importer.values.emplace(tensor.name(), value).second) {
      throw Error(ErrorKind::input, fmt::format("{}: the name of initialiser {} is empty or taken",
                                                label, in_quotes(tensor.name())));
    }
  }
  return elements;
}

std::string shown(const ::onnx::NodeProto& node) {
  const bool by_output = node.name().empty() && node.output_size() > 0;
  return by_output ? "of output " + in_quotes(node.output(0)) : in_quotes(node.name());
}

void import_nodes(const ::onnx::GraphProto& graph, const std::string& label,
                  onnx_io::Importer& importer) {
  for (const auto& proto : graph.node()) {
    for (const std::string& output : proto.output()) importer.producers.emplace(output, &proto);
  }
  for (const auto& proto : graph.node()) {
    onnx_io::NodeReader reader(importer, proto);
    try {
      onnx_io::import_node(reader);
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("{}: node {} ({}): {}", label, shown(proto),
                                            in_quotes(proto.op_type()), reason(error)));
    }
  }
}

NodeIndex output_node(const ::onnx::GraphProto& graph, const std::string& label,
                      onnx_io::Importer& importer, const std::string& wanted) {
  const ::onnx::ValueInfoProto* output = nullptr;
  for (const auto& candidate : graph.output()) {
    if (wanted.empty() || candidate.name() == wanted) output = &candidate;
  }
  if (wanted.empty() && graph.output_size() > 1) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: has {} outputs, among them {} and {}; name one in the import's "
                            "options",
                            label, graph.output_size(), in_quotes(graph.output(0).name()),
                            in_quotes(graph.output(1).name())));
  }
  if (output == nullptr) {
    throw Error(ErrorKind::input,
                wanted.empty() ? label + ": the graph has no output"
                               : fmt::format("{}: has no output {}", label, in_quotes(wanted)));
  }
  const auto found = importer.values.find(output->name());
  if (found == importer.values.end()) {
    throw Error(ErrorKind::input, fmt::format("{}: output {} is computed by no node", label,
                                              in_quotes(output->name())));
  }
  if (!found->second.node) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: output {} is a constant", label, in_quotes(output->name())));
  }
  return *found->second.node;
}

ImportedNetwork import_model(const ::onnx::ModelProto& model, const std::string& label,
                             const ImportOptions& options) {
  const ::onnx::GraphProto& proto = model.graph();
  ImportedNetwork network;
  network.opset = onnx_io::checked_opset(model, label);
  network.producer = model.producer_name().substr(0, 100);
  if (!model.producer_version().empty()) {
    network.producer += " " + model.producer_version().substr(0, 100);
  }
  const bool own_file = model.producer_name() == "wbs";
  const ::onnx::ValueInfoProto& input = data_input(proto, label);
  const Shape shape = input_shape(input, label, options);
  onnx_io::Names names(proto, own_file);
  const std::string input_name = names.unique(input.name());
  onnx_io::Importer importer{
      .opset = network.opset,
      .own_file = own_file,
      .names = std::move(names),
      .builder =
          [&] {
            try {
              return GraphBuilder(graph_name(proto, label, options), shape, input_name);
            } catch (const Error& error) {
              throw Error(error.kind(), fmt::format("{}: input {}: {}", label,
                                                    in_quotes(input.name()), reason(error)));
            }
          }(),
      .weights = {},
      .values = {},
      .producers = {}};
  const std::int64_t stored = define_initialisers(proto, label, importer);
  importer.weight_elements_left = kCopiedElements + stored;
  importer.folded_elements_left = kFoldedElements + 4 * stored;
  importer.values[input.name()].node = NodeIndex{0};
  import_nodes(proto, label, importer);
  const NodeIndex output = output_node(proto, label, importer, options.output);
  network.graph = std::move(importer.builder).finish(output);
  network.weights = std::move(importer.weights);
  onnx_io::recognise_patterns(network.graph, network.weights, own_file);
  onnx_io::remove_unused_nodes(network.graph, network.weights);
  try {
    check_structure(network.graph);
    infer_shapes(network.graph);
    check_weights(network.graph, network.weights);
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}", label, reason(error)));
  }
  return network;
}

/// `bytes` is given up as soon as it is parsed.
ImportedNetwork import_plain(std::string bytes, const std::string& label,
                             const ImportOptions& options) {
  if (bytes.size() > options.max_bytes) {
    throw Error(ErrorKind::input, fmt::format("{}: {} bytes; at most {} are read", label,
                                              bytes.size(), options.max_bytes));
  }
  const std::string digest = digest_of(bytes);
  const ::onnx::ModelProto model = onnx_io::parse_model(bytes, label);
  std::string().swap(bytes);
  ImportedNetwork network = import_model(model, label, options);
  network.digest = digest;
  return network;
}

ImportedNetwork import_either(std::string bytes, const std::string& label,
                              const ImportOptions& options) {
  try {
    if (onnx_io::is_gzip(bytes)) bytes = onnx_io::gunzip(bytes, options.max_bytes, label);
    return import_plain(std::move(bytes), label, options);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::input, label + ": needs more memory than there is");
  }
}

}  // namespace

ImportedNetwork import_onnx(const std::string& path, const ImportOptions& options) {
  return import_either(onnx_io::read_file(path, options.max_bytes), path, options);
}

ImportedNetwork import_onnx_bytes(std::string_view bytes, const std::string& label,
                                  const ImportOptions& options) {
  return import_either(std::string(bytes), label, options);
}

}  // namespace wbs::networks
