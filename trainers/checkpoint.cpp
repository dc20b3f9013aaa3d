#include "trainers/checkpoint.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <filesystem>
#include <set>
#include <string_view>

#include "core/error.hpp"
#include "trainers/safetensors.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

constexpr int kVersion = 1;
constexpr const char* kMetadata = "wbs_checkpoint";

using Tensors = std::map<std::string, torch::Tensor>;

void add(SafeTensors& file, std::string_view group, const Tensors& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.defined()) file.tensors[fmt::format("{}/{}", group, name)] = stored_of(tensor);
  }
}

/// The tensors whose names begin with "group/", by the rest.
Tensors taken(const SafeTensors& file, std::string_view group) {
  const std::string prefix = fmt::format("{}/", group);
  Tensors tensors;
  for (auto at = file.tensors.lower_bound(prefix);
       at != file.tensors.end() && at->first.starts_with(prefix); ++at) {
    tensors[at->first.substr(prefix.size())] = torch_of(at->second);
  }
  return tensors;
}

/// "recipe/batch: 128 in the checkpoint, 64 asked for", one for every difference.
std::string differences(const nlohmann::json& stored, const nlohmann::json& asked) {
  const nlohmann::json left = stored.flatten();
  const nlohmann::json right = asked.flatten();
  std::set<std::string> names;
  for (const auto& item : left.items()) names.insert(item.key());
  for (const auto& item : right.items()) names.insert(item.key());
  const auto shown = [](const nlohmann::json& values, const std::string& name) {
    return values.contains(name) ? values[name].dump() : std::string("nothing");
  };
  std::string text;
  for (const std::string& name : names) {
    const std::string was = shown(left, name);
    const std::string is = shown(right, name);
    if (was == is) continue;
    if (!text.empty()) text += "; ";
    text += fmt::format("{}: {} in the checkpoint, {} asked for", name.substr(1), was, is);
  }
  return text;
}

}  // namespace

void write_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  SafeTensors file;
  add(file, "weights", checkpoint.weights);
  add(file, "average", checkpoint.average);
  add(file, "optimiser", checkpoint.optimiser);
  add(file, "method", checkpoint.method);
  nlohmann::json undefined = nlohmann::json::array();
  for (const auto& [name, tensor] : checkpoint.method) {
    if (!tensor.defined()) undefined.push_back(name);
  }
  const nlohmann::json metadata{{"version", kVersion},
                                {"identity", checkpoint.identity},
                                {"position", checkpoint.position},
                                {"method_numbers", checkpoint.method_numbers},
                                {"method_undefined", undefined}};
  file.metadata[kMetadata] = metadata.dump();
  write_safetensors(path, file);
}

std::optional<Checkpoint> read_checkpoint(const std::string& path, const nlohmann::json& identity) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const SafeTensors file = read_safetensors(path);
  const auto found = file.metadata.find(kMetadata);
  if (found == file.metadata.end()) {
    throw Error(ErrorKind::input, fmt::format("'{}' is no checkpoint of wbs-train", path));
  }
  try {
    const nlohmann::json metadata = nlohmann::json::parse(found->second);
    if (metadata.at("version") != kVersion) {
      throw Error(ErrorKind::input, fmt::format("'{}' is a checkpoint of version {}, expected {}",
                                                path, metadata["version"].dump(), kVersion));
    }
    Checkpoint checkpoint;
    checkpoint.identity = metadata.at("identity");
    if (const std::string differing = differences(checkpoint.identity, identity);
        !differing.empty()) {
      throw Error(ErrorKind::input,
                  fmt::format("'{}' is a checkpoint of another run: {}", path, differing));
    }
    checkpoint.position = metadata.at("position");
    checkpoint.weights = taken(file, "weights");
    checkpoint.average = taken(file, "average");
    checkpoint.optimiser = taken(file, "optimiser");
    checkpoint.method = taken(file, "method");
    checkpoint.method_numbers = metadata.at("method_numbers").get<std::map<std::string, double>>();
    for (const nlohmann::json& name : metadata.at("method_undefined")) {
      checkpoint.method[name.get<std::string>()] = torch::Tensor();
    }
    return checkpoint;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::input,
                fmt::format("'{}' is no whole checkpoint: {}", path, error.what()));
  }
}

}  // namespace wbs::trainers
