// The prune stage's artifact: an HDF5 file of masked tensors, masks and what was measured on them.
//
// One group per node with one dataset per role ("/layer1.0.conv1/weight", float32). A pruned weight
// has a second dataset "mask" (uint8, one bit per cell, row-major) and attributes that say what was
// asked and what was measured; the root's attributes name network, pattern, importance and source.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "compiler/layer.hpp"
#include "core/tensor.hpp"
#include "sparsity/prune.hpp"

namespace wbs::apps {

/// Measured on a stored weight tensor and its mask.
struct LayerSparsity {
  double zeros = 0.0;              ///< share of the stored weights that are zero
  compiler::LayerDensity density;  ///< of the mask
};

/// Writes the file tensor by tensor.
class PrunedFileWriter {
 public:
  /// Creates the file with these root attributes. Throws Error(io).
  PrunedFileWriter(const std::string& path, const std::map<std::string, std::string>& attributes);
  ~PrunedFileWriter();
  PrunedFileWriter(const PrunedFileWriter&) = delete;
  PrunedFileWriter& operator=(const PrunedFileWriter&) = delete;

  /// Adds a tensor that the pattern does not apply to.
  void add(const std::string& node, const std::string& role, const Tensor& tensor);

  /// Adds a masked weight tensor with its mask; returns what was measured on both.
  LayerSparsity add_pruned(const std::string& node, const Tensor& masked,
                           const sparsity::Pruned& pruned);

  /// Completes the file; returns the digest of all tensors in the order in which they were added.
  std::string close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Densities of the layers that the prune stage's file at `path` holds, by node name, as measured
/// on the stored masks. Reads attributes only. Throws Error(input) when the file is damaged.
[[nodiscard]] std::map<std::string, compiler::LayerDensity> read_densities(const std::string& path);

}  // namespace wbs::apps
