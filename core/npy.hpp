// NumPy's .npy files, read.
#pragma once

#include <string>
#include <string_view>

#include "core/tensor.hpp"

namespace wbs {

/// The array in a .npy file (format 1.0 to 3.0) as fp32. Little-endian float32, float64, int32,
/// int64 and uint8 in C order are read. Throws Error naming the path: `input` when the file
/// is missing, malformed or not exactly as long as its header says, `unsupported` for another
/// element type or Fortran order.
[[nodiscard]] Tensor read_npy(const std::string& path);

/// The same from memory; `label` stands for the path in messages.
[[nodiscard]] Tensor parse_npy(std::string_view bytes, const std::string& label);

}  // namespace wbs
