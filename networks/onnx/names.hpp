// Names of graph nodes from the names in an ONNX file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "networks/onnx/proto.hpp"

namespace wbs::networks::onnx_io {

/// "layer1.0.conv1" for the value "layer1.0.conv1.weight": the module path of a PyTorch parameter
/// whose last word is weight, bias, running_mean or running_var. Empty for any other name.
[[nodiscard]] std::string_view parameter_prefix(std::string_view value_name) noexcept;

/// "layer1.0.conv1" for the scope "/layer1/layer1.0/conv1" of newer PyTorch exports, in which each
/// part repeats the path or adds to it.
[[nodiscard]] std::string module_path(std::string_view scope);

/// Picks names. Files of our own exporter keep theirs. In PyTorch files a node with parameters gets
/// its module path; a node that is alone in its scope gets the scope's path; others get the path
/// and the operator ("layer1.0.Add"). A wrapper word before every parameter ("m.", "module.",
/// "model.") is dropped, so that the names agree with the zoo's.
class Names {
 public:
  Names(const ::onnx::GraphProto& graph, bool verbatim);

  /// For a node; `parameter` is its first parameter's value name, empty if it has none.
  [[nodiscard]] std::string wanted(const ::onnx::NodeProto& node, std::string_view parameter) const;

  /// For a value that becomes a node of its own: an initialiser or constant.
  [[nodiscard]] std::string wanted_value(std::string_view value_name) const;

  /// `wanted` made printable, or with "_1", "_2", ... where that is taken; takes it.
  [[nodiscard]] std::string unique(std::string_view wanted);

 private:
  [[nodiscard]] std::string_view without_wrapper(std::string_view path) const noexcept;

  bool verbatim_;
  std::string wrapper_;                               // "m." or empty
  std::map<std::string, int, std::less<>> in_scope_;  // nodes at or below a scope
  std::unordered_map<std::string, int> taken_;        // name -> last suffix tried
};

}  // namespace wbs::networks::onnx_io
