// The prune stage's artifact: an HDF5 file of masked tensors, masks and what was measured on them.
//
// The stage train leaves the same file, with all tensors of the network.
//
// One group per pruned node with the datasets "weight" (float32) and "mask" (uint8, one bit per
// cell, row-major) and attributes that say what was asked and what was measured; the root's
// attributes name network, pattern, importance and source. Tensors that the pattern leaves alone
// are not copied (VGG-16 has half a gigabyte of them): they are those of the source, and the root's
// digest covers them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "compiler/layer.hpp"
#include "core/tensor.hpp"
#include "networks/graph.hpp"
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

  /// Counts a tensor that the pattern does not apply to in the digest; it is not stored.
  void add_unchanged(const std::string& node, const std::string& role, const Tensor& tensor);

  /// Adds a tensor that the pattern does not apply to, for networks that have no other source.
  void add_stored(const std::string& node, const std::string& role, const Tensor& tensor);

  /// Adds a masked weight tensor with its mask; returns what was measured on both.
  LayerSparsity add_pruned(const std::string& node, const Tensor& masked,
                           const sparsity::Pruned& pruned);

  /// Completes the file; returns the digest of all tensors in the order in which they were added.
  std::string close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A pruned layer as the file holds it.
struct PrunedLayer {
  Tensor weight;  ///< masked
  sparsity::Mask mask;
};

/// The pruned layers of the prune stage's file at `path`, by node name. Throws Error(input) when
/// the file is damaged.
[[nodiscard]] std::map<std::string, PrunedLayer> read_pruned_layers(const std::string& path);

/// All tensors that the file holds, by "node/role": the pruned ones, and those of add_stored().
/// Throws Error(input) when the file is damaged.
[[nodiscard]] networks::Weights read_stored_tensors(const std::string& path);

/// The pattern that the masks of the file at `path` follow. Throws Error(input) when the file does
/// not say.
[[nodiscard]] std::string read_pattern(const std::string& path);

/// Densities of the layers that the prune stage's file at `path` holds, by node name, as measured
/// on the stored masks. Reads attributes only. Throws Error(input) when the file is damaged.
[[nodiscard]] std::map<std::string, compiler::LayerDensity> read_densities(const std::string& path);

}  // namespace wbs::apps
