#include "trainers/method.hpp"

#include <fmt/format.h>

#include "core/text.hpp"

namespace wbs::trainers {

void StateArchive::tensor(const std::string& name, torch::Tensor& value) {
  if (saving_) {
    tensors_[name] = value;
    return;
  }
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw Error(ErrorKind::input, fmt::format("the checkpoint's method has no tensor '{}'", name));
  }
  const torch::Tensor& stored = found->second;
  if (!value.defined() || !stored.defined() || value.sizes() != stored.sizes()) {
    value = stored;
    return;
  }
  const torch::NoGradGuard no_grad;
  value.copy_(stored);
}

void StateArchive::number(const std::string& name, double& value) {
  if (saving_) {
    numbers_[name] = value;
    return;
  }
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) {
    throw Error(ErrorKind::input, fmt::format("the checkpoint's method has no number '{}'", name));
  }
  value = found->second;
}

void StateArchive::number(const std::string& name, std::int64_t& value) {
  auto wide = static_cast<double>(value);
  number(name, wide);
  value = static_cast<std::int64_t>(wide);
}

const MethodKind& find_method(std::span<const MethodKind> kinds, std::string_view name) {
  std::vector<std::string> names;
  for (const MethodKind& kind : kinds) {
    if (kind.name == name) return kind;
    names.emplace_back(kind.name);
  }
  throw Error(ErrorKind::usage,
              fmt::format("no training method '{}'{}", name, suggestion(name, names)));
}

}  // namespace wbs::trainers
