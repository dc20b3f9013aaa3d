#include "networks/onnx/model_reader.hpp"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include <limits>
#include <optional>

#include "core/error.hpp"
#include "networks/onnx/wire_scan.hpp"

namespace wbs::networks::onnx_io {

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 100;
  std::string shown = "'";
  for (const char letter : text.substr(0, kLongest)) {
    const auto code = static_cast<unsigned char>(letter);
    shown += code < 0x20 || code == 0x7F ? '?' : letter;
  }
  if (text.size() > kLongest) shown += "...";
  return shown + "'";
}

::onnx::ModelProto parse_model(std::string_view bytes, const std::string& label) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw Error(ErrorKind::input,
                fmt::format("{}: {} bytes; ONNX files end at 2 GiB", label, bytes.size()));
  }
  check_wire_format(bytes, label);
  const google::protobuf::LogSilencer silence;
  ::onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error(ErrorKind::input, label + ": not an ONNX model: protobuf refuses it");
  }
  if (!model.has_graph()) {
    throw Error(ErrorKind::input, label + ": not an ONNX model: it has no graph");
  }
  return model;
}

std::int64_t checked_opset(const ::onnx::ModelProto& model, const std::string& label) {
  std::optional<std::int64_t> version;
  for (const auto& entry : model.opset_import()) {
    if (!entry.domain().empty() && entry.domain() != "ai.onnx") continue;
    if (version && *version != entry.version()) {
      throw Error(ErrorKind::input,
                  fmt::format("{}: imports two versions of the standard operator set, {} and {}",
                              label, *version, entry.version()));
    }
    version = entry.version();
  }
  if (!version) {
    throw Error(ErrorKind::input, label + ": does not say which operator set it uses");
  }
  if (*version < 11 || *version > 17) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: operator set {}; 11 to 17 can be read", label, *version));
  }
  return *version;
}

}  // namespace wbs::networks::onnx_io
