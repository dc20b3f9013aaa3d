// The state of a training run on disk.
#pragma once

#include <torch/types.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "trainers/method.hpp"

namespace wbs::trainers {

/// Everything that a run needs to go on as if it had not stopped.
struct Checkpoint {
  /// What the run is: network, pattern, method, recipe, seed, data. A run goes on from a checkpoint
  /// of the same identity only.
  nlohmann::json identity;
  /// Where it stands: numbers by name (epoch, batch, step, sums of the epoch so far, ...).
  nlohmann::json position;
  std::map<std::string, torch::Tensor> weights;    ///< by "node/role"
  std::map<std::string, torch::Tensor> average;    ///< the moving average, may be empty
  std::map<std::string, torch::Tensor> optimiser;  ///< by Optimiser's names
  std::map<std::string, torch::Tensor> method;     ///< by the method's names, some undefined
  std::map<std::string, double> method_numbers;
};

/// Writes the checkpoint as a safetensors file, atomically: whatever fails, the previous file is
/// intact. Throws Error(io).
void write_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// The checkpoint at `path`, or nothing when there is no such file. Throws Error(input) when the
/// file is no checkpoint, and when its identity is not `identity`, with every difference named.
[[nodiscard]] std::optional<Checkpoint> read_checkpoint(const std::string& path,
                                                        const nlohmann::json& identity);

}  // namespace wbs::trainers
