// The embedded data set: procedural images, no download.
#pragma once

#include <cstdint>

#include "datasets/dataset.hpp"

namespace wbs::datasets {

/// 16x16 RGB images of ten classes, 5000 for training and 2000 for testing, equally many of each
/// class. `seed` chooses another task of the same kind; tables use the default. README.md says how
/// they are made.
[[nodiscard]] MemoryDataset embedded_dataset(Split split, std::uint64_t seed = 1);

}  // namespace wbs::datasets
