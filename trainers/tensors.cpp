#include "trainers/tensors.hpp"

#include <fmt/format.h>

#include <cstring>

#include "core/error.hpp"

namespace wbs::trainers {
namespace {

StoredType type_of(torch::ScalarType type) {
  switch (type) {
    case torch::kFloat64:
      return StoredType::f64;
    case torch::kInt64:
      return StoredType::i64;
    case torch::kUInt8:
      return StoredType::u8;
    case torch::kBool:
      return StoredType::boolean;
    default:
      return StoredType::f32;
  }
}

torch::ScalarType torch_type(StoredType type) {
  switch (type) {
    case StoredType::f64:
      return torch::kFloat64;
    case StoredType::i64:
      return torch::kInt64;
    case StoredType::u8:
      return torch::kUInt8;
    case StoredType::boolean:
      return torch::kBool;
    case StoredType::f32:
      break;
  }
  return torch::kFloat32;
}

}  // namespace

torch::Tensor to_torch(const Tensor& tensor) {
  torch::Tensor result = torch::empty(tensor.shape, torch::kFloat32);
  if (!tensor.values.empty()) {
    std::memcpy(result.data_ptr<float>(), tensor.values.data(),
                tensor.values.size() * sizeof(float));
  }
  return result;
}

Tensor from_torch(const torch::Tensor& tensor) {
  const torch::Tensor plain = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  const float* values = plain.data_ptr<float>();
  return {plain.sizes().vec(), std::vector<float>(values, values + plain.numel())};
}

StoredTensor stored_of(const torch::Tensor& tensor) {
  StoredTensor stored{type_of(tensor.scalar_type()), tensor.sizes().vec(), {}};
  const torch::Tensor plain = tensor.detach().to(torch::kCPU, torch_type(stored.type)).contiguous();
  const auto* bytes = static_cast<const std::byte*>(plain.data_ptr());
  stored.bytes.assign(bytes, bytes + plain.nbytes());
  return stored;
}

torch::Tensor torch_of(const StoredTensor& stored) {
  torch::Tensor result = torch::empty(stored.shape, torch_type(stored.type));
  if (!stored.bytes.empty()) {
    std::memcpy(result.data_ptr(), stored.bytes.data(), stored.bytes.size());
  }
  return result;
}

void rethrow_torch_error(const c10::Error& error, std::string_view what) {
  const std::string reason = error.what_without_backtrace();
  const bool missing = reason.find("not implemented") != std::string::npos;
  throw Error(missing ? ErrorKind::unsupported : ErrorKind::internal,
              fmt::format("{}: LibTorch: {}", what, reason));
}

}  // namespace wbs::trainers
