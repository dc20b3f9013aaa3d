// Tensors between LibTorch, the rest of wbs, and files.
#pragma once

#include <torch/types.h>

#include <string_view>

#include "core/tensor.hpp"
#include "trainers/safetensors.hpp"

namespace wbs::trainers {

/// A copy on the CPU, contiguous fp32.
[[nodiscard]] torch::Tensor to_torch(const Tensor& tensor);
/// A copy of the values as fp32, row-major, wherever `tensor` is.
[[nodiscard]] Tensor from_torch(const torch::Tensor& tensor);

/// The same for files; fp32, fp64, int64, uint8 and bool keep their type, others become fp32.
[[nodiscard]] StoredTensor stored_of(const torch::Tensor& tensor);
[[nodiscard]] torch::Tensor torch_of(const StoredTensor& stored);

/// A LibTorch exception as ours: unsupported for "not implemented", else internal. `what` says what
/// was being done.
[[noreturn]] void rethrow_torch_error(const c10::Error& error, std::string_view what);

}  // namespace wbs::trainers
