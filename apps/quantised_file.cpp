#include "apps/quantised_file.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "harness/hdf5_file.hpp"

namespace wbs::apps {
namespace {

constexpr const char* kFormat = "wbs quantised network";
constexpr const char* kEncoding = "int8, two's complement";

std::vector<std::uint8_t> bytes_of(const Tensor& integers) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(integers.values.size());
  for (const float value : integers.values) {
    bytes.push_back(static_cast<std::uint8_t>(static_cast<std::int8_t>(value)));
  }
  return bytes;
}

Tensor integers_of(const Shape& shape, const std::vector<std::uint8_t>& bytes) {
  Tensor integers(shape);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    integers.values[i] = static_cast<float>(static_cast<std::int8_t>(bytes[i]));
  }
  return integers;
}

template <typename T>
std::string_view view_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

Tensor vector_tensor(const std::vector<float>& values) {
  return Tensor({static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace

std::string write_quantised(const std::string& path,
                            const std::map<std::string, std::string>& attributes,
                            const QuantisedNetwork& network) {
  harness::Hdf5File file = harness::Hdf5File::create(path);
  Digester digest;
  file.set("/", "format", std::string(kFormat));
  file.set("/", "format_version", std::int64_t{1});
  for (const auto& [name, value] : attributes) file.set("/", name, value);
  const networks::QuantisationOptions& options = network.quantisation.options;
  file.set("/", "range_method", std::string(networks::to_string(options.method)));
  file.set("/", "power_of_two", std::int64_t{options.power_of_two ? 1 : 0});
  for (const auto& [node, layer] : network.layers) {
    const std::string group = "/layers/" + node;
    const std::vector<std::uint8_t> bytes = bytes_of(layer.weights.integers);
    file.write(group + "/weight", layer.weights.integers.shape, bytes, {.deflate_level = 1});
    file.set(group + "/weight", "encoding", std::string(kEncoding));
    file.set(group + "/weight", "axes", std::string("cout, cin, kh, kw"));
    file.write(group + "/scales", vector_tensor(layer.weights.scales));
    digest.add(group).add(view_of(bytes)).add(view_of(layer.weights.scales));
    if (layer.bias.values.empty()) continue;
    file.write(group + "/bias", layer.bias);
    digest.add(view_of(layer.bias.values));
  }
  for (const auto& [node, quant] : network.quantisation.activations) {
    const std::string object = "/activations/" + node;
    const std::vector<float> scale{quant.scale};
    file.write(object, vector_tensor(scale));
    file.set(object, "zero_point", std::int64_t{quant.zero_point});
    digest.add(object).add(view_of(scale));
  }
  std::string hex = digest.hex();
  file.set("/", "quantisation_digest", hex);
  file.close();
  return hex;
}

QuantisedNetwork read_quantised(const std::string& path) {
  const harness::Hdf5File file = harness::Hdf5File::open(path);
  if (!file.has_attribute("/", "format") || file.text("/", "format") != kFormat) {
    throw Error(ErrorKind::input, fmt::format("{}: not the file of a quantized network", path));
  }
  QuantisedNetwork network;
  network.quantisation.options = {
      value_or_throw(networks::parse_range_method(file.text("/", "range_method"))),
      file.number("/", "power_of_two") != 0.0};
  const auto attribute = [&file](const char* name) {
    return file.has_attribute("/", name) ? file.text("/", name) : std::string();
  };
  network.pattern = attribute("pattern");
  network.calibration = attribute("calibration");
  for (const std::string& node : file.members("/layers")) {
    const std::string group = "/layers/" + node;
    QuantisedLayer layer;
    layer.weights.integers =
        integers_of(file.shape(group + "/weight"), file.read_bytes(group + "/weight"));
    layer.weights.scales = file.read(group + "/scales").values;
    if (file.has(group + "/bias")) layer.bias = file.read(group + "/bias");
    network.layers.emplace(node, std::move(layer));
  }
  for (const std::string& node : file.members("/activations")) {
    const std::string object = "/activations/" + node;
    const Tensor scale = file.read(object);
    if (scale.values.size() != 1) {
      throw Error(ErrorKind::input, fmt::format("{}: {} is no single scale", path, object));
    }
    network.quantisation.activations[node] = {scale.values[0],
                                              static_cast<int>(file.number(object, "zero_point"))};
  }
  return network;
}

}  // namespace wbs::apps
