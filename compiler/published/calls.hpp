// The kernel calls of a replay, and what they multiply.
#pragma once

#include <cstdint>
#include <vector>

#include "aie_model/tiled_layer.hpp"
#include "compiler/published/plan.hpp"

namespace wbs::compiler {

/// Output blocks of one chunk of a core's weights.
[[nodiscard]] std::int64_t blocks_of_chunk(const aie::TiledLayer& layer);

/// How the layer's weights are divided, with its mask if `options` have one.
[[nodiscard]] ReplayWeights weights_of(const aie::TiledLayer& layer, const aie::Device& device,
                                       const PublishedOptions& options);

/// The calls of one iteration.
class ReplayCalls {
 public:
  /// `pieces` > 1: of the input channels; else as the weights are cut.
  ReplayCalls(const aie::TiledLayer& layer, const ReplayWeights& weights, std::int64_t pieces);

  /// Those that compute output blocks [first, first + count) of a core.
  [[nodiscard]] std::vector<ReplayCall> of(std::int64_t first, std::int64_t count) const;

 private:
  void add_chunk(std::int64_t first, std::int64_t count, std::vector<ReplayCall>& calls) const;
  [[nodiscard]] aie::KernelCall call(std::int64_t out_blocks) const;

  const aie::TiledLayer& layer_;
  aie::Kernel kernel_;
  std::int64_t in_blocks_;
  std::int64_t piece_ = 1;  ///< input blocks of a call
};

}  // namespace wbs::compiler
