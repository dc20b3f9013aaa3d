// What the machine lets this process use.
#pragma once

#include <cstdint>
#include <string>

namespace wbs::harness {

/// Name that all ranks of one node share and no other node has.
[[nodiscard]] std::string node_name();

/// Cores that a child may use: what the cpuset and the cgroup's quota allow, whatever mpirun pinned
/// this process to. At least 1.
[[nodiscard]] int usable_cores();

/// Physical memory, or the cgroup's limit when that is lower. Bytes.
[[nodiscard]] std::int64_t usable_memory();

}  // namespace wbs::harness
