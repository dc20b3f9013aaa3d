// Ranks that are processes of one machine.
#pragma once

#include <memory>
#include <string>

#include "trainers/ranks.hpp"

namespace wbs::trainers {

/// Rank `rank` of `size` processes that meet in the file `path` (on /dev/shm for speed), which must
/// not exist before: rank 0 makes it, the others wait for it. It is removed as soon as all have
/// met. A rank whose process ends, however it does, makes sum() throw Error(io) on the others.
/// Waiting ranks sleep. Throws Error(io) when the others do not come within `patience_seconds`.
[[nodiscard]] std::unique_ptr<Ranks> shared_ranks(const std::string& path, int rank, int size,
                                                  double patience_seconds = 120.0);

}  // namespace wbs::trainers
