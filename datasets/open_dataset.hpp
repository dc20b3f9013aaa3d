// A data set by name or path, whatever kind it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "datasets/dataset.hpp"

namespace wbs::datasets {

/// An archive whose compressed images are larger is to be unpacked: they would stay in memory.
inline constexpr std::int64_t kLargestStoredBytes = std::int64_t{400} << 20;

/// Opens one split of `source`: "embedded", or a path to
/// - a folder with IDX files (`train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, plain or .gz),
/// - a folder with CIFAR-10's or CIFAR-100's binary files (`data_batch_1.bin` or `train.bin`, ...),
/// - a folder or .tar, .tar.gz, .tgz archive with `train/<class>/*.jpg` and `test/<class>/*.jpg`
///   (.jpeg and .png too; `val/` counts as `test/`), or a folder that holds one such archive.
/// `classes` is how many the network tells apart; 0: any number. Throws Error(input) with what was
/// looked for when it is none of these, for a file that is missing, truncated or malformed, a
/// label out of range and a class count other than `classes`; Error(unsupported) when this build
/// lacks the library or the archive is too large.
[[nodiscard]] std::unique_ptr<Dataset> open_dataset(const std::string& source, Split split,
                                                    std::int64_t classes = 0);

}  // namespace wbs::datasets
