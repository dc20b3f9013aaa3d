// Bytes to a checked ModelProto.
#pragma once

#include <string>
#include <string_view>

#include "networks/onnx/proto.hpp"

namespace wbs::networks::onnx_io {

/// The parsed model. Throws Error(input) naming `label` when `bytes` are not one. Prints nothing.
[[nodiscard]] ::onnx::ModelProto parse_model(std::string_view bytes, const std::string& label);

/// The version of the standard operator set. Throws Error naming `label` unless it is imported
/// once and within 11 to 17.
[[nodiscard]] std::int64_t checked_opset(const ::onnx::ModelProto& model, const std::string& label);

/// `text` in single quotes, control characters as '?', shortened to 100 characters: file contents
/// are shown in messages only through this.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace wbs::networks::onnx_io
