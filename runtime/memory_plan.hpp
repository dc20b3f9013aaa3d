// Where every tensor of a program lies: one arena whose bytes are used again and again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/program.hpp"

namespace wbs::runtime {

/// Bytes that are in use from step `first` to step `last`, both included.
struct Lifetime {
  std::int64_t bytes = 0;
  std::size_t first = 0;
  std::size_t last = 0;
};

struct Packing {
  std::vector<std::int64_t> offsets;  ///< multiples of 64
  std::int64_t bytes = 0;
};

/// Offsets such that no two blocks that live at the same time overlap. Largest first, each into the
/// smallest gap that takes it (Pisarchyk and Lee, "Efficient memory management for deep neural net
/// inference", 2020: "greedy by size").
[[nodiscard]] Packing pack_lifetimes(std::span<const Lifetime> lifetimes);

enum class Space : std::uint8_t { arena, input, output };

/// Where a value begins: so many bytes behind the beginning of a space.
struct Place {
  Space space = Space::arena;
  std::int64_t offset = 0;
};

struct MemoryPlan {
  std::vector<Place> values;                     ///< of each value of the program
  std::vector<std::int64_t> scratch;             ///< offset of each step's scratch in the arena
  std::vector<std::vector<std::size_t>> copied;  ///< concat steps: which inputs must be copied
  std::int64_t arena_bytes = 0;
  std::int64_t activation_bytes = 0;  ///< most bytes of live activations at any step
  std::int64_t scratch_bytes = 0;     ///< of the step that needs most
};

/// The plan for `program`, whose steps need `scratch_bytes` each. Parts of a concatenation are
/// written where the concatenation will be, unless their channels do not begin at a word, they are
/// part of another one already or have another scale; a sum may replace an operand that nobody
/// reads afterwards.
[[nodiscard]] MemoryPlan plan_memory(const Program& program,
                                     std::span<const std::int64_t> scratch_bytes);

/// Bytes of a value, in planes or dense.
[[nodiscard]] std::int64_t size_bytes(const Value& value);

}  // namespace wbs::runtime
