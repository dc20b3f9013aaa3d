// From a list of tile accesses, in the order of the stream, to few descriptors with loops.
#pragma once

#include <cstdint>
#include <vector>

#include "aie_model/program/program.hpp"
#include "compiler/codegen/step_builder.hpp"

namespace wbs::compiler {

/// One tile read from or written to a memory: up to three loops and padding, like a Descriptor.
struct Access {
  aie::MemoryOf memory = aie::MemoryOf::own;
  std::uint16_t ddr_buffer = 0;
  std::uint64_t address = 0;
  std::vector<aie::Dimension> dimensions;
  std::array<std::uint16_t, 3> pad_before{}, pad_after{};
  aie::LockUse acquire, release;
  std::int16_t packet = -1, target = -1;
  std::uint32_t compressed = 0;  ///< words in the stream, if it is compressed
};

/// Words that one access moves in memory.
[[nodiscard]] std::uint32_t words_of(const Access& access);

/// What the hardware's loops allow.
struct LoopLimits {
  std::size_t dimensions = 4;
  std::uint32_t count = 1023;
  std::uint32_t iteration = 64;
  std::size_t chain = 12;  ///< longest group of descriptors that is repeated
  bool merge = true;       ///< several accesses may become one run of a descriptor
  bool linear = false;     ///< accesses have one contiguous loop, which needs no address generator
};

/// Adds descriptors and tasks so that the channel performs exactly `accesses` in this order.
/// Regular runs become a loop of one descriptor, repeated groups a chain that is iterated.
void add_accesses(StepBuilder& step, const ChannelId& channel, const std::vector<Access>& accesses,
                  const LoopLimits& limits);

/// `count` packets that ask for `descriptor`.
struct PacketRun {
  std::int16_t descriptor = -1;
  std::uint32_t count = 0;
};

/// The same for an out-of-order receiver: the packets that come, in the sender's order.
[[nodiscard]] std::vector<PacketRun> add_packets(StepBuilder& step, const ChannelId& channel,
                                                 const std::vector<Access>& accesses,
                                                 const LoopLimits& limits);

}  // namespace wbs::compiler
