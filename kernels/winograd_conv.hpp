// Winograd's algorithm for block-sparse 3x3 convolutions with stride 1.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernels/compact.hpp"
#include "kernels/conv_kernel.hpp"
#include "kernels/winograd_geometry.hpp"
#include "kernels/winograd_weights.hpp"

namespace wbs::kernels {

class WinogradConv final : public ConvKernel {
 public:
  WinogradConv(const ConvLayer& layer, const Implementation& implementation, int tile,
               const ConvOptions& options);

  void run(const ConvBuffers& buffers) const noexcept override;
  void reload(const float* values) noexcept override;
  [[nodiscard]] std::int64_t scratch_bytes() const noexcept override;
  [[nodiscard]] std::int64_t weight_bytes() const noexcept override;
  [[nodiscard]] std::int64_t packed_macs() const noexcept override;
  [[nodiscard]] std::string_view algorithm() const noexcept override {
    return geometry_.tile == 2 ? "winograd2" : "winograd4";
  }
  [[nodiscard]] std::string_view packing() const noexcept override;

 private:
  /// Scratch of one part of the work: some groups, or its share of a group that `parts` parts do
  /// together.
  struct Worker {
    float* inputs;  ///< transformed input of a group, shared by the parts of one group
    float* sums;    ///< of panel_chunk panels
    std::int32_t part;
    std::int32_t parts;
  };

  /// Output channels that are computed, or rows of kept ones.
  [[nodiscard]] std::int64_t row_count() const noexcept {
    return compact_ ? static_cast<std::int64_t>(compact_->channels.size()) : shape_.out_channels;
  }
  [[nodiscard]] Worker worker(const ConvBuffers& buffers, std::int64_t part) const noexcept;
  [[nodiscard]] WinogradArgs args_of(const WinogradGroup& group) const noexcept;
  [[nodiscard]] std::int32_t first_panel(std::int32_t part, std::int32_t parts) const noexcept;
  void transform_inputs(const ConvBuffers& buffers, const WinogradGroup& group,
                        const Worker& worker) const noexcept;
  void multiply(const WinogradGroup& group, const Worker& worker, std::int32_t panel_begin,
                std::int32_t panel_end) const noexcept;
  void transform_sums(const ConvBuffers& buffers, const WinogradGroup& group, const Worker& worker,
                      std::int32_t panel_begin, std::int32_t panel_end) const noexcept;
  void fill_pruned(const ConvBuffers& buffers, std::int64_t part) const noexcept;
  void finish_group(const ConvBuffers& buffers, const WinogradGroup& group,
                    const Worker& worker) const noexcept;

  ConvShape shape_;
  Epilogue epilogue_;
  std::int32_t threads_;
  bool shares_groups_;  ///< threads work on one group together
  TileFunction tile_;
  WinogradTransforms transforms_;
  std::optional<CompactOutputs> compact_;                  ///< rows of sums are kept outputs
  void (*fill_)(const FinishRun& run) noexcept = nullptr;  ///< of pruned ones
  WinogradWeights weights_;
  WinogradGeometry geometry_;
  std::vector<std::int32_t> zero_start_;
  std::vector<std::int32_t> bias_start_;
  std::int32_t panel_chunk_ = 1;
  std::int64_t lane_stride_ = 0;      ///< words from channel to channel of transformed planes
  std::int64_t input_positions_ = 0;  ///< words from position to position of inputs
  std::int64_t sum_positions_ = 0;    ///< and of sums
};

}  // namespace wbs::kernels
