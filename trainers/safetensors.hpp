// Tensors by name in one file: the safetensors format, written atomically. No LibTorch here, so
// that programs without it read what wbs-train wrote.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.hpp"

namespace wbs::trainers {

/// The element types that we store; their names in the file are F32, F64, I64, U8 and BOOL.
enum class StoredType { f32, f64, i64, u8, boolean };

[[nodiscard]] std::size_t size_bytes(StoredType type) noexcept;

/// Row-major values in the machine's (little-endian) byte order.
struct StoredTensor {
  StoredType type = StoredType::f32;
  Shape shape;
  std::vector<std::byte> bytes;
  friend bool operator==(const StoredTensor&, const StoredTensor&) = default;
};

/// What one file holds. Metadata are the texts of the header's "__metadata__".
struct SafeTensors {
  std::map<std::string, StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// The contents of `path`: 8 bytes little-endian header length, JSON header, raw values. Tensors
/// must lie without gaps. Throws Error(io) when the file cannot be read and Error(input) naming
/// path and tensor when it is no safetensors file, truncated, or of another element type.
[[nodiscard]] SafeTensors read_safetensors(const std::string& path);

/// Afterwards `path` holds `contents`, on disk (fsync): the same contents give the same bytes. It
/// is written under a temporary name beside it and renamed, so whatever fails (a full disk), the
/// file that was there is intact. Throws Error(io).
void write_safetensors(const std::string& path, const SafeTensors& contents);

/// An fp32 tensor from and to its stored form. Throws Error(input) naming `name` for another type.
[[nodiscard]] Tensor tensor_of(const StoredTensor& stored, std::string_view name);
[[nodiscard]] StoredTensor stored_of(const Tensor& tensor);

}  // namespace wbs::trainers
