#include "apps/training/trained_network.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "apps/network_source.hpp"
#include "apps/pruned_file.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "sparsity/check.hpp"
#include "sparsity/pattern.hpp"
#include "sparsity/prune.hpp"
#include "trainers/safetensors.hpp"

namespace wbs::apps {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A file that is gone afterwards.
class ScratchFile {
 public:
  explicit ScratchFile(std::string path) : path_(std::move(path)) {}
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

std::string digest_of_weights(const networks::Weights& weights) {
  Digester digest;
  for (const auto& [name, tensor] : weights) {
    digest.add(name).add({reinterpret_cast<const char*>(tensor.values.data()),
                          tensor.values.size() * sizeof(float)});
  }
  return digest.hex();
}

std::string checkpoint_path(const TrainJob& job) {
  Digester digest;
  digest.add(job.request.dump()).add(digest_of_weights(job.start));
  return fmt::format("{}/training-{}.safetensors", job.checkpoint_folder, digest.hex());
}

networks::Weights read_weights(const std::string& path) {
  networks::Weights weights;
  for (const auto& [name, stored] : trainers::read_safetensors(path).tensors) {
    weights[name] = trainers::tensor_of(stored, name);
  }
  return weights;
}

void write_weights(const std::string& path, const networks::Weights& weights) {
  trainers::SafeTensors file;
  for (const auto& [name, tensor] : weights) file.tensors[name] = trainers::stored_of(tensor);
  trainers::write_safetensors(path, file);
}

}  // namespace

TrainedNetwork run_train_job(const TrainJob& job) {
  const ScratchFile start(job.scratch + ".start");
  const ScratchFile out(job.scratch + ".weights");
  json request = job.request;
  if (!job.start.empty()) {
    write_weights(start.path(), job.start);
    request["weights"] = start.path();
    if (job.teach) request["teacher"] = start.path();
  }
  request["weights_out"] = out.path();
  std::string checkpoint;
  if (!job.checkpoint_folder.empty()) {
    fs::create_directories(job.checkpoint_folder);
    checkpoint = checkpoint_path(job);
    request["checkpoint"] = checkpoint;
  }
  TrainedNetwork network;
  network.result = run_train_process(request, job.ranks, job.on_event);
  if (fs::exists(out.path())) network.weights = read_weights(out.path());
  if (!checkpoint.empty() && network.result.at("outcome") != "aborted") {
    std::error_code ignored;
    fs::remove(checkpoint, ignored);
    fs::remove(job.checkpoint_folder, ignored);  // when it is empty
  }
  return network;
}

void write_trained_file(const std::string& path, const TrainedNetwork& network) {
  const json& result = network.result;
  const std::string pattern_text = result.at("pattern");
  const auto pattern = value_or_throw(sparsity::parse_pattern(pattern_text));
  PrunedFileWriter file(
      path, {{"network", result.at("network")},
             {"pattern", pattern_text},
             {"method", result.at("method")},
             {"data", result.at("data")},
             {"weights_source",
              fmt::format("trained on {} (seed {})", result.at("data").get<std::string>(),
                          result.at("seed").get<std::int64_t>())}});
  for (const auto& [name, tensor] : network.weights) {
    const std::size_t slash = name.rfind('/');
    const std::string node = name.substr(0, slash);
    const std::string role = name.substr(slash + 1);
    const bool sparse = role == "weight" && tensor.shape.size() >= 2 &&
                        sparsity::satisfies(tensor, pattern).has_value() &&
                        !std::holds_alternative<sparsity::DensePattern>(pattern);
    if (!sparse) {
      file.add_stored(node, role, tensor);
      continue;
    }
    const sparsity::Plane plane = sparsity::plane_of(tensor.shape);
    sparsity::Pruned pruned{
        sparsity::mask_of_nonzeros(tensor, sparsity::granularity_of(pattern, plane)),
        sparsity::nominal_sparsity(pattern), 0.0, false, ""};
    pruned.achieved = pruned.mask.sparsity();
    (void)file.add_pruned(node, tensor, pruned);
  }
  (void)file.close();
}

}  // namespace wbs::apps
