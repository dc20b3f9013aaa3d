// A look at the raw protobuf bytes before they are parsed.
#pragma once

#include <string>
#include <string_view>

namespace wbs::networks::onnx_io {

/// Returns when `bytes` are complete protobuf wire format along the messages of an ONNX model and
/// small enough to parse. Throws Error(input) naming `label` and the byte offset for a truncated or
/// damaged field, and for more than two million fields or 128 Mi packed integers: two bytes can
/// make protobuf allocate a 200-byte object, so these numbers bound the memory. Tensor data is
/// skipped, which makes this a matter of microseconds.
void check_wire_format(std::string_view bytes, const std::string& label);

}  // namespace wbs::networks::onnx_io
