#include <gtest/gtest.h>

#include "aie_model/machine/tests/builder.hpp"
#include "core/rng.hpp"

namespace wbs::aie::tests {
namespace {

std::int16_t small(Rng& rng) {
  return static_cast<std::int16_t>(static_cast<int>(rng.below(12)) - 2);
}

void mutate_descriptor(Descriptor& descriptor, Rng& rng) {
  switch (rng.below(9)) {
    case 0:
      descriptor.words = static_cast<std::uint32_t>(rng.below(100));
      break;
    case 1:
      descriptor.address = rng.below(1U << 20U);
      break;
    case 2:
      descriptor.memory = static_cast<MemoryOf>(rng.below(4));
      break;
    case 3:
      descriptor.acquire = {.lock = small(rng), .value = small(rng)};
      break;
    case 4:
      descriptor.release = {.lock = small(rng), .value = small(rng)};
      break;
    case 5:
      descriptor.next = small(rng);
      break;
    case 6:
      descriptor.packet = small(rng);
      break;
    case 7:
      descriptor.dimensions.assign(1 + rng.below(2), {descriptor.words, small(rng)});
      descriptor.pad_before[rng.below(3)] = static_cast<std::uint16_t>(rng.below(3));
      break;
    default:
      descriptor.iteration = {static_cast<std::uint32_t>(rng.below(4)), small(rng)};
  }
}

void mutate_core(TileProgram& part, Rng& rng) {
  CoreOp& op = part.code[rng.below(part.code.size())];
  switch (rng.below(5)) {
    case 0:
      op.kind = static_cast<CoreOp::Kind>(rng.below(6));
      break;
    case 1:
      op.lock = {.lock = small(rng), .value = small(rng)};
      break;
    case 2:
      op.index = static_cast<std::uint32_t>(rng.below(4));
      break;
    case 3:
      part.rings[rng.below(part.rings.size())].address =
          static_cast<std::uint32_t>(rng.below(70000));
      break;
    default:
      part.calls[0].out.rows = static_cast<std::uint16_t>(rng.below(4));
  }
}

void mutate(Program& program, Rng& rng) {
  Step& step = program.steps[0];
  TileProgram& part = step.tiles[rng.below(step.tiles.size())];
  const std::uint64_t what = rng.below(8);
  if (what < 4) {
    mutate_descriptor(part.descriptors[rng.below(part.descriptors.size())], rng);
  } else if (what == 4) {
    Channel& channel = part.channels[rng.below(part.channels.size())];
    channel.tasks[0] = {.descriptor = small(rng),
                        .repeat = static_cast<std::uint32_t>(rng.below(4))};
    channel.out_of_order = rng.bernoulli(0.5);
  } else if (what == 5) {
    SwitchConnection& connection = step.connections[rng.below(step.connections.size())];
    connection.master = {.kind = static_cast<Port::Kind>(rng.below(5)),
                         .index = static_cast<std::uint8_t>(rng.below(3))};
  } else if (what == 6 && !part.locks.empty()) {
    part.locks[rng.below(part.locks.size())] = small(rng);
  } else if (!part.code.empty()) {
    mutate_core(part, rng);
  }
}

TEST(Mutations, BrokenProgramsEndInAFaultOrAResult) {
  const auto input = pattern(768);
  const Program good = add_program();
  int faults = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed, 77);
    Program bad = good;
    for (std::uint64_t i = 0; i <= rng.below(3); ++i) mutate(bad, rng);
    const RunResult first = run_functional(bad, input);
    const RunResult event = run_event(bad);
    if (!first.fault) {
      EXPECT_FALSE(event.fault) << event.fault->message;
      EXPECT_EQ(first.cycles, event.cycles);
      continue;
    }
    ++faults;
    EXPECT_FALSE(first.fault->message.empty());
    EXPECT_EQ(run_functional(bad, input).fault->message, first.fault->message);
  }
  EXPECT_GT(faults, 150);
}

}  // namespace
}  // namespace wbs::aie::tests
