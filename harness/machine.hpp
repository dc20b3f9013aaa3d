// What the machine lets this process use.
#pragma once

#include <cstdint>
#include <string>

namespace wbs::harness {

/// Name that all ranks of one node share and no other node has.
[[nodiscard]] std::string node_name();

/// "AMD EPYC 9654 96-Core Processor": what the processor calls itself; "unknown CPU" when the
/// system does not say.
[[nodiscard]] std::string cpu_model();

/// Cores that a child may use: what the cpuset and the cgroup's quota allow, whatever mpirun pinned
/// this process to. At least 1.
[[nodiscard]] int usable_cores();

/// Physical memory, or the cgroup's limit when that is lower. Bytes.
[[nodiscard]] std::int64_t usable_memory();

}  // namespace wbs::harness
