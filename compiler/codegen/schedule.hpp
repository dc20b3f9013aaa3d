// Which phases share a step: as early as the memory that they touch allows.
#pragma once

#include <vector>

#include "compiler/codegen/plan.hpp"

namespace wbs::compiler {

/// Phases by step, each in the order of the plan. A phase comes in a later step than every earlier
/// one that touches the same bytes, if one of the two writes; computing phases (and exchanges
/// between Memtiles, which use the same channels) have steps of their own, in order. Moves of later
/// layers thus run beside the computing of earlier ones where memory allows.
[[nodiscard]] std::vector<std::vector<std::size_t>> schedule(const NetworkPlan& plan);

}  // namespace wbs::compiler
