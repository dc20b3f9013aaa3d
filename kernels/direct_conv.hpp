// The direct algorithm: shifted products of pixel tiles and packed weights.
#pragma once

#include <vector>

#include "kernels/conv_kernel.hpp"
#include "kernels/direct_weights.hpp"
#include "kernels/geometry.hpp"

namespace wbs::kernels {

/// Epilogue values padded to whole panels, and where the sums begin.
struct PaddedEpilogue {
  std::vector<std::int32_t> start;
  std::vector<float> scale;
  std::vector<float> bias;
};

class DirectConv final : public ConvKernel {
 public:
  DirectConv(const ConvLayer& layer, const Implementation& implementation,
             const ConvOptions& options);

  void run(const ConvBuffers& buffers) const noexcept override;
  void reload(const float* values) noexcept override;
  [[nodiscard]] std::int64_t scratch_bytes() const noexcept override;
  [[nodiscard]] std::int64_t weight_bytes() const noexcept override;
  [[nodiscard]] std::int64_t packed_macs() const noexcept override;
  [[nodiscard]] std::string_view algorithm() const noexcept override { return "direct"; }
  [[nodiscard]] std::string_view packing() const noexcept override;

 private:
  void copy_columns(const ConvBuffers& buffers, std::int64_t plane) const noexcept;
  void plan_compact(CompactOutputs& compact, Element output);
  void run_item(const ConvBuffers& buffers, const TileArgs& common,
                std::int64_t item) const noexcept;

  ConvShape shape_;
  int threads_;
  TileFunction tile_;
  EverySecondFunction every_second_;
  void (*finish_)(const FinishRun& run) noexcept = nullptr;  ///< of compacted outputs
  DirectWeights weights_;
  std::vector<std::int32_t> sources_;  ///< of the words, for reload()
  Geometry geometry_;
  PaddedEpilogue epilogue_;
  std::vector<std::int64_t> tap_offset_bytes_;
  TileArgs common_{};             ///< what all tiles share
  std::int32_t chunks_ = 1;       ///< shares of the output that threads take apart
  std::int32_t chunk_parts_ = 1;  ///< panels of each, or groups of compacted ones
  bool prefetch_input_ = false;
  bool residual_ = false;
};

}  // namespace wbs::kernels
