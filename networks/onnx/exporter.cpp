#include "networks/onnx/exporter.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "networks/onnx/file_bytes.hpp"
#include "networks/onnx/model_writer.hpp"
#include "networks/shape_inference.hpp"

namespace wbs::networks {

std::string export_onnx_bytes(const Graph& graph, const Weights& weights,
                              const ExportOptions& options) {
  if (options.opset < 11 || options.opset > 17) {
    throw Error(ErrorKind::unsupported,
                fmt::format("operator set {}; 11 to 17 can be written", options.opset));
  }
  Graph inferred = graph;
  check_structure(inferred);
  infer_shapes(inferred);
  check_weights(inferred, weights);
  onnx_io::ModelWriter writer(inferred, weights, options.opset);
  for (const Node& node : inferred.nodes) onnx_io::export_node(writer, node);
  return writer.finish();
}

void export_onnx(const Graph& graph, const Weights& weights, const std::string& path,
                 const ExportOptions& options) {
  if (path.ends_with(".gz")) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: ONNX files are written without compression", path));
  }
  onnx_io::write_file_atomically(path, export_onnx_bytes(graph, weights, options));
}

}  // namespace wbs::networks
