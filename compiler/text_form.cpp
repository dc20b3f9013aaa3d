// The text forms of a tiled network: a table for people, and JSON that the simulate stage reads.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "compiler/tiled_network.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using Json = nlohmann::ordered_json;
using aie::LayerKind;

constexpr std::string_view kFormat = "wbs-tiled-network";
constexpr std::int64_t kVersion = 1;

constexpr std::array<std::pair<LayerKind, std::string_view>, 7> kKinds{{
    {LayerKind::conv, "conv"},
    {LayerKind::max_pool, "max_pool"},
    {LayerKind::avg_pool, "avg_pool"},
    {LayerKind::global_avg_pool, "global_avg_pool"},
    {LayerKind::add, "add"},
    {LayerKind::concat, "concat"},
    {LayerKind::fully_connected, "fully_connected"},
}};

std::string_view kind_name(LayerKind kind) {
  for (const auto& [value, name] : kKinds)
    if (value == kind) return name;
  return "unknown";
}

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::input, fmt::format("tiled network: {}: {}", where, what));
}

std::int64_t integer(const Json& value, const std::string& where) {
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX))
    fail(where, fmt::format("an integer was expected, not {}", value.dump().substr(0, 40)));
  return value.get<std::int64_t>();
}

/// Reads the members of one JSON object, each once; finish() refuses what is left.
class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) fail(where_, "an object was expected");
  }

  const Json& member(const char* key) {
    const auto found = object_.find(key);
    if (found == object_.end()) fail(where_, fmt::format("key '{}' is missing", key));
    read_.insert(key);
    return *found;
  }

  std::string place(const char* key) const { return fmt::format("{}, key '{}'", where_, key); }

  void field(const char* key, std::string& value) {
    const Json& json = member(key);
    if (!json.is_string()) fail(place(key), "a string was expected");
    value = json.get<std::string>();
  }

  void field(const char* key, std::int64_t& value) { value = integer(member(key), place(key)); }

  void field(const char* key, double& value) {
    const Json& json = member(key);
    if (!json.is_number()) fail(place(key), "a number was expected");
    value = json.get<double>();
  }

  void field(const char* key, bool& value) {
    const Json& json = member(key);
    if (!json.is_boolean()) fail(place(key), "true or false was expected");
    value = json.get<bool>();
  }

  void field(const char* key, LayerKind& value) {
    std::string name;
    field(key, name);
    for (const auto& [kind, text] : kKinds) {
      if (text == name) {
        value = kind;
        return;
      }
    }
    fail(place(key), fmt::format("'{}' is no kind of layer", name));
  }

  template <std::size_t N>
  void numbers(const char* key, std::int64_t least, const std::array<std::int64_t*, N>& values) {
    const Json& json = member(key);
    if (!json.is_array() || json.size() != N)
      fail(place(key), fmt::format("an array of {} integers was expected", N));
    for (std::size_t i = 0; i < N; ++i) {
      *values[i] = integer(json[i], place(key));
      if (*values[i] < least)
        fail(place(key), fmt::format("{} is less than {}", *values[i], least));
    }
  }

  void list(const char* key, std::vector<std::string>& values) {
    const Json& json = member(key);
    if (!json.is_array()) fail(place(key), "an array was expected");
    values.clear();
    for (const Json& item : json) {
      if (!item.is_string()) fail(place(key), "strings were expected");
      values.push_back(item.get<std::string>());
    }
  }

  void list(const char* key, std::vector<int>& values) {
    const Json& json = member(key);
    if (!json.is_array()) fail(place(key), "an array was expected");
    values.clear();
    for (const Json& item : json) {
      const std::int64_t value = integer(item, place(key));
      if (value < -1 || value > INT32_MAX) fail(place(key), fmt::format("{} is no layer", value));
      values.push_back(static_cast<int>(value));
    }
  }

  void finish() const {
    for (const auto& item : object_.items())
      if (!read_.contains(item.key())) fail(where_, fmt::format("unknown key '{}'", item.key()));
  }

 private:
  const Json& object_;
  std::string where_;
  std::set<std::string> read_;
};

/// Writes what ObjectReader reads.
class ObjectWriter {
 public:
  template <typename T>
  void field(const char* key, const T& value) {
    object_[key] = value;
  }
  void field(const char* key, const LayerKind& value) { object_[key] = kind_name(value); }

  template <std::size_t N>
  void numbers(const char* key, std::int64_t, const std::array<std::int64_t*, N>& values) {
    Json array = Json::array();
    for (const std::int64_t* value : values) array.push_back(*value);
    object_[key] = std::move(array);
  }

  template <typename T>
  void list(const char* key, const std::vector<T>& values) {
    object_[key] = values;
  }

  [[nodiscard]] std::string text() const { return object_.dump(); }

 private:
  Json object_ = Json::object();
};

/// The members of a layer, for reading and for writing.
template <typename Archive>
void layer_fields(Archive& archive, aie::TiledLayer& l) {
  const auto extent = [](aie::Extent& e) { return std::array<std::int64_t*, 3>{&e.h, &e.w, &e.c}; };
  archive.field("name", l.name);
  archive.field("kind", l.kind);
  archive.list("producers", l.producers);
  archive.numbers("input", 1, extent(l.input));
  archive.numbers("output", 1, extent(l.output));
  archive.numbers("kernel", 1, std::array<std::int64_t*, 2>{&l.window.kh, &l.window.kw});
  archive.numbers("stride", 1,
                  std::array<std::int64_t*, 2>{&l.window.stride_h, &l.window.stride_w});
  archive.numbers("padding", 0, std::array<std::int64_t*, 2>{&l.window.pad_h, &l.window.pad_w});
  archive.field("groups", l.groups);
  archive.numbers("core_weight", 0,
                  std::array<std::int64_t*, 4>{&l.core_weight.cout, &l.core_weight.kh,
                                               &l.core_weight.kw, &l.core_weight.cin});
  archive.numbers("core_input", 0, extent(l.core_input));
  archive.numbers("core_output", 0, extent(l.core_output));
  archive.field("density", l.density);
  archive.field("corrected_density", l.corrected_density);
  archive.field("concat_channels", l.concat_channels);
  archive.field("width_splits", l.width_splits);
  archive.field("channel_splits", l.channel_splits);
  archive.field("height_tiles", l.height_tiles);
  archive.field("passes", l.passes);
  archive.field("through_ddr", l.through_ddr);
  archive.field("load_bytes", l.load_bytes);
  archive.field("write_bytes", l.write_bytes);
  archive.field("loadw_bytes", l.loadw_bytes);
}

bool has_weights(const aie::TiledLayer& layer) {
  return layer.kind == LayerKind::conv || layer.kind == LayerKind::fully_connected;
}

constexpr double kLargestVolume = 1e12;          // far above any layer; products stay in 64 bits
constexpr std::int64_t kLargestCount = 1000000;  // of passes, tiles, groups

void check_volume(const char* key, std::initializer_list<std::int64_t> sides,
                  const std::string& where) {
  double volume = 1.0;
  for (const std::int64_t side : sides) volume *= static_cast<double>(side);
  if (volume > kLargestVolume) fail(where, fmt::format("{} is too large", key));
}

void check_volumes(const aie::TiledLayer& layer, const std::string& where) {
  const auto extent = [&](const char* key, const aie::Extent& e) {
    check_volume(key, {e.h, e.w, e.c}, where);
  };
  const aie::Window& w = layer.window;
  const aie::WeightBlock& block = layer.core_weight;
  extent("input", layer.input);
  extent("output", layer.output);
  extent("core_input", layer.core_input);
  extent("core_output", layer.core_output);
  check_volume("kernel", {w.kh, w.kw, w.stride_h, w.stride_w}, where);
  check_volume("padding", {w.pad_h + 1, w.pad_w + 1}, where);
  check_volume("core_weight", {block.cout, block.kh, block.kw, block.cin}, where);
}

/// What the estimators divide by, multiply or index with must be sane.
void check_layer(const aie::TiledLayer& layer, std::size_t index, const std::string& where) {
  const auto positive = [&](const char* key, std::int64_t value) {
    if (value < 1) fail(where, fmt::format("{} must be at least 1, not {}", key, value));
  };
  const auto count = [&](const char* key, std::int64_t value) {
    positive(key, value);
    if (value > kLargestCount) fail(where, fmt::format("{} is too large", key));
  };
  check_volumes(layer, where);
  count("groups", layer.groups);
  count("passes", layer.passes);
  count("channel_splits", layer.channel_splits);
  count("width_splits", layer.width_splits);
  count("height_tiles", layer.height_tiles);
  if (!(layer.density >= 0.0 && layer.density <= 1.0))
    fail(where, "density must be within 0 and 1");
  if (!(layer.corrected_density <= 1.0)) fail(where, "corrected_density must be at most 1");
  if (layer.kind != LayerKind::concat) {
    positive("core_output",
             std::min({layer.core_output.h, layer.core_output.w, layer.core_output.c}));
    positive("core_input", std::min({layer.core_input.h, layer.core_input.w, layer.core_input.c}));
  }
  if (has_weights(layer))
    positive("core_weight", std::min({layer.core_weight.cout, layer.core_weight.kh,
                                      layer.core_weight.kw, layer.core_weight.cin}));
  for (const int producer : layer.producers)
    if (producer >= static_cast<int>(index))
      fail(where, fmt::format("producer {} is not an earlier layer", producer));
}

aie::TiledLayer read_layer(const Json& json, std::size_t index, unsigned& notes) {
  const std::string where = fmt::format("layer {}", index);
  ObjectReader reader(json, where);
  aie::TiledLayer layer;
  layer_fields(reader, layer);
  std::vector<std::string> names;
  reader.list("notes", names);
  reader.finish();
  notes = 0;
  for (const std::string& name : names) {
    const unsigned bit = note_bit(name);
    if (bit == 0) fail(where, fmt::format("'{}' is no note", name));
    notes |= bit;
  }
  check_layer(layer, index, where);
  return layer;
}

std::string extent_text(const aie::Extent& e) {
  return fmt::format("{}x{}x{}", e.h, e.w, e.c);
}

}  // namespace

std::string to_text(const TiledNetwork& network) {
  std::string text =
      fmt::format("{} on {} ({}x{} columns x rows), weights {}\n", network.network, network.device,
                  network.array.columns, network.array.rows, network.weights);
  for (const std::string& remark : network.remarks) text += fmt::format("note: {}\n", remark);
  text += fmt::format("{:<40} {:<15} {:>13} {:>15} {:>13} {:>13} {:>6} {:>6}  {}\n", "layer",
                      "kind", "output", "core weights", "core input", "core output", "passes",
                      "tiles", "notes");
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const aie::TiledLayer& l = network.layers[i];
    const std::string weight =
        has_weights(l) ? fmt::format("{}x{}x{}x{}", l.core_weight.cout, l.core_weight.kh,
                                     l.core_weight.kw, l.core_weight.cin)
                       : "-";
    text += fmt::format("{:<40} {:<15} {:>13} {:>15} {:>13} {:>13} {:>6} {:>6}  {}\n", l.name,
                        kind_name(l.kind), extent_text(l.output), weight, extent_text(l.core_input),
                        extent_text(l.core_output), l.passes, l.height_tiles,
                        fmt::join(note_names(network.notes[i]), ", "));
  }
  return text;
}

std::string to_json(const TiledNetwork& network) {
  const auto quoted = [](const std::string& value) { return Json(value).dump(); };
  std::string text = fmt::format(
      "{{\"format\":{},\"version\":{},\n\"network\":{},\n\"device\":{},\n\"weights\":{},\n"
      "\"array\":[{},{}],\n\"remarks\":{},\n\"layers\":[",
      quoted(std::string(kFormat)), kVersion, quoted(network.network), quoted(network.device),
      quoted(network.weights), network.array.columns, network.array.rows,
      Json(network.remarks).dump());
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    ObjectWriter writer;
    aie::TiledLayer layer = network.layers[i];
    layer_fields(writer, layer);
    writer.list("notes", note_names(network.notes[i]));
    text += fmt::format("{}\n{}", i == 0 ? "" : ",", writer.text());
  }
  return text + "\n]}\n";
}

TiledNetwork from_json(std::string_view text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw Error(ErrorKind::input,
                fmt::format("tiled network: not JSON (byte {} of {})", error.byte, text.size()));
  }
  ObjectReader reader(json, "top level");
  std::string format;
  std::int64_t version = 0;
  reader.field("format", format);
  if (format != kFormat) fail("top level", fmt::format("format '{}' is not {}", format, kFormat));
  reader.field("version", version);
  if (version != kVersion)
    fail("top level", fmt::format("version {} is not {}", version, kVersion));
  TiledNetwork network;
  reader.field("network", network.network);
  reader.field("device", network.device);
  reader.field("weights", network.weights);
  reader.numbers("array", 1,
                 std::array<std::int64_t*, 2>{&network.array.columns, &network.array.rows});
  reader.list("remarks", network.remarks);
  const Json& layers = reader.member("layers");
  reader.finish();
  if (!layers.is_array()) fail("top level", "key 'layers': an array was expected");
  for (const Json& layer : layers) {
    unsigned notes = 0;
    network.layers.push_back(read_layer(layer, network.layers.size(), notes));
    network.notes.push_back(notes);
  }
  return network;
}

}  // namespace wbs::compiler
