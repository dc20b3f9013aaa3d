// Images of a list as batches of network inputs, decoded ahead of their use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.hpp"
#include "datasets/image.hpp"
#include "datasets/image_list.hpp"

namespace wbs::datasets {

struct LoaderOptions {
  std::int64_t batch = 1;
  Transform transform;
  /// Which images, in this order (indices into the list); empty: all, in the list's order.
  std::vector<std::int64_t> indices;
  int threads = 0;         ///< that decode in the background; 0: next() decodes itself
  std::int64_t ahead = 2;  ///< batches that background threads may be ahead of next()
};

struct Batch {
  Tensor images;                      ///< [n][3][crop][crop]; n = batch, less at the end
  std::vector<std::int64_t> indices;  ///< into the list, n of them: its name and label
};

/// Batches in order, the same bits for any number of threads.
class Loader {
 public:
  /// `list` must outlive the loader. Throws Error(usage) when batch, crop, ahead or an index is out
  /// of range.
  Loader(const ImageList& list, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  Loader(Loader&&) noexcept;
  Loader& operator=(Loader&&) noexcept;

  /// The next batch, or nothing after the last. Throws the Error of the first image of the batch
  /// that cannot be read, naming archive and member; call no more after that.
  [[nodiscard]] std::optional<Batch> next();

  [[nodiscard]] std::int64_t images() const noexcept;   ///< in total
  [[nodiscard]] std::int64_t batches() const noexcept;  ///< in total

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace wbs::datasets
