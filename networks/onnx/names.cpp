#include "networks/onnx/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace wbs::networks::onnx_io {
namespace {

constexpr std::array<std::string_view, 6> kWrappers = {"m",   "model",   "module",
                                                       "net", "network", "_orig_mod"};

/// "/layer1/layer1.0" of "/layer1/layer1.0/Relu_1"; empty when the name has no scope.
std::string_view scope_of(std::string_view node_name) {
  if (node_name.empty() || node_name.front() != '/') return {};
  return node_name.substr(0, node_name.rfind('/'));
}

std::string_view first_word(std::string_view path) {
  return path.substr(0, path.find('.'));
}

/// The wrapper word, with its dot, that begins every parameter name of the graph.
std::string common_wrapper(const ::onnx::GraphProto& graph) {
  std::string_view common;
  bool any = false;
  for (const auto& tensor : graph.initializer()) {
    const std::string_view path = parameter_prefix(tensor.name());
    if (path.empty()) continue;
    const std::string_view word = first_word(path);
    if (word.size() == path.size() || (any && word != common)) return {};
    common = word;
    any = true;
  }
  const bool known = std::find(kWrappers.begin(), kWrappers.end(), common) != kWrappers.end();
  return any && known ? std::string(common) + "." : std::string();
}

}  // namespace

std::string_view parameter_prefix(std::string_view value_name) noexcept {
  const std::size_t dot = value_name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  const std::string_view word = value_name.substr(dot + 1);
  const bool known =
      word == "weight" || word == "bias" || word == "running_mean" || word == "running_var";
  return known ? value_name.substr(0, dot) : std::string_view();
}

std::string module_path(std::string_view scope) {
  std::string path;
  std::string last;  // the previous part: a part that begins with it and a dot replaces it
  std::size_t last_at = 0;
  while (!scope.empty()) {
    const std::size_t slash = scope.find('/');
    const std::string_view part = scope.substr(0, slash);
    scope = slash == std::string_view::npos ? std::string_view() : scope.substr(slash + 1);
    if (part.empty()) continue;
    const bool repeats = !last.empty() && part.size() > last.size() + 1 && part.starts_with(last) &&
                         part[last.size()] == '.';
    if (repeats) {
      path.resize(last_at);
    } else if (!path.empty()) {
      path += '.';
    }
    last_at = path.size();
    path += part;
    last = part;
  }
  return path;
}

Names::Names(const ::onnx::GraphProto& graph, bool verbatim)
    : verbatim_(verbatim), wrapper_(verbatim ? std::string() : common_wrapper(graph)) {
  if (verbatim) return;
  for (const auto& node : graph.node()) {
    if (node.op_type() == "Constant") continue;
    std::string_view scope = scope_of(node.name());
    for (int depth = 0; !scope.empty() && depth < 64; ++depth) {
      ++in_scope_[std::string(scope)];
      scope = scope.substr(0, scope.rfind('/'));
    }
  }
}

std::string_view Names::without_wrapper(std::string_view path) const noexcept {
  return !wrapper_.empty() && path.starts_with(wrapper_) ? path.substr(wrapper_.size()) : path;
}

std::string Names::wanted(const ::onnx::NodeProto& node, std::string_view parameter) const {
  const std::string& own =
      !node.name().empty() || node.output_size() == 0 ? node.name() : node.output(0);
  if (verbatim_) return own;
  if (const std::string_view prefix = parameter_prefix(parameter); !prefix.empty()) {
    return std::string(without_wrapper(prefix));
  }
  const std::string_view scope = scope_of(own);
  if (scope.empty()) return own.starts_with('/') ? own.substr(1) : own;
  std::string path = module_path(scope);
  const auto count = in_scope_.find(scope);
  const bool alone = count != in_scope_.end() && count->second == 1;
  if (alone || !parameter.empty()) return path;
  return path + "." + std::string(std::string_view(own).substr(scope.size() + 1));
}

std::string Names::wanted_value(std::string_view value_name) const {
  if (verbatim_) return std::string(value_name);
  if (value_name.starts_with('/')) {
    const std::string_view scope = scope_of(value_name);
    const std::string path = module_path(scope);
    const std::string last(value_name.substr(scope.size() + 1));
    return path.empty() ? last : path + "." + last;
  }
  return std::string(without_wrapper(value_name));
}

std::string Names::unique(std::string_view wanted) {
  std::string name(wanted.substr(0, 1000));
  for (char& letter : name) {
    const auto code = static_cast<unsigned char>(letter);
    if (code <= 0x20 || code == 0x7F) letter = '_';
  }
  if (name.empty()) name = "node";
  const auto [entry, is_new] = taken_.try_emplace(name, 0);
  if (is_new) return name;
  std::string numbered;
  do {
    numbered = fmt::format("{}_{}", name, ++entry->second);
  } while (taken_.contains(numbered));
  taken_.emplace(numbered, 0);
  return numbered;
}

}  // namespace wbs::networks::onnx_io
