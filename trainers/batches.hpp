// Where the trainer's images come from.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wbs::trainers {

/// This rank's part of one batch.
struct ImageBatch {
  torch::Tensor images;               ///< [n][c][h][w] fp32; n may be 0 in a short last batch
  torch::Tensor labels;               ///< [n] int64
  std::int64_t first = 0;             ///< of these images in the batch over all ranks
  std::int64_t size = 0;              ///< of the batch over all ranks
  std::vector<std::string> messages;  ///< what the user should know, as skipped images
};

/// Batches in an order that depends on the seed and the epoch alone, not on threads or ranks.
class BatchSource {
 public:
  BatchSource() = default;
  virtual ~BatchSource() = default;
  BatchSource(const BatchSource&) = delete;
  BatchSource& operator=(const BatchSource&) = delete;

  /// Batches of one epoch.
  [[nodiscard]] virtual std::int64_t batches() const = 0;
  /// The next batch is number `batch` of epoch `epoch`.
  virtual void start(std::int64_t epoch, std::int64_t batch) = 0;
  /// The next batch of the epoch, or nothing after its last one.
  virtual std::optional<ImageBatch> next() = 0;
  /// Names data, order and augmentation, for checkpoints.
  [[nodiscard]] virtual std::string identity() const = 0;
};

/// What MemoryBatches draws from: images [n][c][h][w], labels [n].
struct ImageSet {
  torch::Tensor images;
  torch::Tensor labels;
};

/// Images in memory, in batches of `batch` over all ranks, of which this is `rank` of `ranks`. With
/// a seed they are shuffled by epoch and a short last batch is dropped.
[[nodiscard]] std::unique_ptr<BatchSource> memory_batches(ImageSet set, std::int64_t batch,
                                                          std::optional<std::uint64_t> seed,
                                                          int rank = 0, int ranks = 1);

}  // namespace wbs::trainers
