// Images of a data set as batches of network inputs, prepared ahead of their use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.hpp"
#include "datasets/dataset.hpp"
#include "datasets/image_list.hpp"
#include "datasets/transform.hpp"

namespace wbs::datasets {

enum class BadImages {
  fatal,  ///< next() throws the error of the first one
  /// With `shuffle` the next image (by index, or of `indices`; around the end) that can be decoded
  /// takes its place, label included, so that batches stay full; otherwise it is left out of its
  /// batch.
  skip,
};

/// This process takes the part `rank` of every batch, of `ranks` contiguous parts.
struct Shard {
  std::int64_t rank = 0;
  std::int64_t ranks = 1;
};

struct LoaderOptions {
  std::int64_t batch = 1;  ///< images of one batch over all ranks
  Transform transform = {};
  /// Which images, in this order (indices into the set); empty: all, in the set's order.
  std::vector<std::int64_t> indices = {};
  int threads = 0;         ///< that prepare in the background; 0: next() does it itself
  std::int64_t ahead = 2;  ///< batches that background threads may be ahead of next()

  std::optional<Augmentation> augmentation = {};  ///< nothing: evaluation
  bool shuffle = false;  ///< the order is a permutation that only (seed, epoch) decide
  std::uint64_t seed = 1;
  std::int64_t epoch = 0;        ///< one loader is one epoch; (epoch, first_batch) is a position
  std::int64_t first_batch = 0;  ///< to begin with: a resumed run's
  bool drop_last = false;        ///< leaves out a last batch that is not full
  Shard shard = {};
  BadImages bad_images = BadImages::fatal;
};

struct Batch {
  Tensor images;                      ///< [n][c][crop][crop]; n: this rank's part of the batch
  std::vector<std::int64_t> labels;   ///< n of them; -1 where the set has none
  std::vector<std::int64_t> indices;  ///< into the set, n of them
  std::int64_t number = 0;            ///< in the epoch, from 0
  std::int64_t global_size = 0;       ///< images of the batch over all ranks, skipped ones included
  std::vector<std::string> skipped;   ///< why, for each image that was skipped
};

/// The batches of one epoch in order, the same bits for any number of threads. The parts of all
/// ranks, one after the other, are the batch that one rank would get.
class Loader {
 public:
  /// `data` must outlive the loader. Throws Error(usage) when an option is out of range.
  Loader(const Dataset& data, const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  Loader(Loader&&) noexcept;
  Loader& operator=(Loader&&) noexcept;

  /// The next batch, or nothing after the last. Throws the Error of the first image of the batch
  /// that cannot be read, naming archive and member; call no more after that.
  [[nodiscard]] std::optional<Batch> next();

  [[nodiscard]] std::int64_t images() const noexcept;   ///< of the epoch, over all ranks
  [[nodiscard]] std::int64_t batches() const noexcept;  ///< of the epoch, from batch 0

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace wbs::datasets
