// Data sets that are a few binary files: IDX and CIFAR. open_dataset() finds them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "datasets/dataset.hpp"

namespace wbs::datasets {

/// The two files of one split in the IDX format of MNIST (LeCun, "The MNIST database", file
/// formats), plain or gzip.
struct IdxPair {
  std::filesystem::path images;
  std::filesystem::path labels;
};

/// The pair of `split` in `folder`: `<any>train-images-idx3-ubyte` and `...-labels-idx1-ubyte`,
/// with t10k or test for Split::test, '.' for the '-' before idx, with or without .gz. Nothing when
/// neither is there; throws Error(input) when only one of them is, or more than one pair.
[[nodiscard]] std::optional<IdxPair> find_idx(const std::filesystem::path& folder, Split split);

/// Grey images. Classes are "0", "1", ...: `classes` of them, or as many as `labels` of the
/// training pair say when that is 0. Throws Error(input) for a wrong magic number, a truncated or
/// longer file, counts that disagree and a label out of range, Error(io).
[[nodiscard]] MemoryDataset read_idx(const IdxPair& pair, std::int64_t classes);

/// The largest label of an IDX label file, plus one. Throws as read_idx().
[[nodiscard]] std::int64_t idx_classes(const std::filesystem::path& labels);

/// True when `folder` holds a binary file of CIFAR-10 (`data_batch_1.bin`, `test_batch.bin`) or
/// CIFAR-100 (`train.bin`, `test.bin`; Krizhevsky, "The CIFAR-10 dataset", binary version).
[[nodiscard]] bool holds_cifar(const std::filesystem::path& folder);

/// 32x32 RGB, fine labels. Class names come from batches.meta.txt or fine_label_names.txt where
/// they are there. Throws Error(input) for a file that is missing or whose size is no multiple of a
/// record, and a label out of range.
[[nodiscard]] MemoryDataset read_cifar(const std::filesystem::path& folder, Split split);

}  // namespace wbs::datasets
