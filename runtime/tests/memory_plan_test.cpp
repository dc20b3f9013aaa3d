#include "runtime/memory_plan.hpp"

#include <gtest/gtest.h>

#include <set>

#include "networks/fold.hpp"
#include "networks/zoo.hpp"
#include "runtime/lowering.hpp"
#include "runtime/tests/random_network.hpp"

namespace wbs::runtime {
namespace {

TEST(MemoryPlan, BlocksThatLiveTogetherDoNotOverlap) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    std::vector<Lifetime> blocks;
    for (std::uint64_t i = 0; i < 1 + rng.below(30); ++i) {
      const std::size_t first = rng.below(20);
      blocks.push_back({static_cast<std::int64_t>(rng.below(1000)), first, first + rng.below(6)});
    }
    const Packing packing = pack_lifetimes(blocks);
    std::int64_t sum = 0;
    for (std::size_t a = 0; a < blocks.size(); ++a) {
      sum += (blocks[a].bytes + 63) / 64 * 64;
      ASSERT_EQ(packing.offsets[a] % 64, 0);
      ASSERT_LE(packing.offsets[a] + blocks[a].bytes, packing.bytes);
      for (std::size_t b = 0; b < a; ++b) {
        if (blocks[a].first > blocks[b].last || blocks[b].first > blocks[a].last) continue;
        ASSERT_TRUE(packing.offsets[a] + blocks[a].bytes <= packing.offsets[b] ||
                    packing.offsets[b] + blocks[b].bytes <= packing.offsets[a]);
      }
    }
    EXPECT_LE(packing.bytes, sum);
  }
}

TEST(MemoryPlan, BytesAreUsedAgain) {
  // A chain of four equal blocks, two of which live at any time.
  const std::vector<Lifetime> chain{{640, 0, 1}, {640, 1, 2}, {640, 2, 3}, {640, 3, 4}};
  EXPECT_EQ(pack_lifetimes(chain).bytes, 1280);
}

/// Runs the program in a shadow of the arena in which every byte knows the value it belongs to, and
/// checks that what a step reads is still what its step wrote.
void check_plan(const Program& program) {
  const std::vector<std::int64_t> scratch(program.steps.size(), 128);
  const MemoryPlan plan = plan_memory(program, scratch);
  std::vector<std::size_t> owner(static_cast<std::size_t>(plan.arena_bytes), kConstant);
  const auto mark = [&](std::int64_t offset, std::int64_t bytes, std::size_t who) {
    std::fill_n(owner.begin() + offset, bytes, who);
  };
  // Parts of a concatenation become the concatenation's when its step runs.
  const auto holds = [&](ValueId value) {
    const Place& place = plan.values[value];
    if (place.space != Space::arena) return true;
    const std::int64_t bytes = size_bytes(program.values[value]);
    return std::all_of(owner.begin() + place.offset, owner.begin() + place.offset + bytes,
                       [&](std::size_t who) { return who == value; });
  };
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const ProgramStep& step = program.steps[i];
    // A part in place belongs to the whole once that is complete, and is read as such.
    const auto part_of_whole = [&](ValueId input) {
      return std::any_of(
          program.steps.begin(), program.steps.begin() + static_cast<std::ptrdiff_t>(i),
          [&](const ProgramStep& other) {
            const std::int64_t begin = plan.values[input].offset - plan.values[other.output].offset;
            return other.kind == StepKind::concat && begin >= 0 && holds(other.output) &&
                   begin + size_bytes(program.values[input]) <=
                       size_bytes(program.values[other.output]);
          });
    };
    std::vector<ValueId> read = step.inputs;
    if (step.residual) read.push_back(*step.residual);
    for (const ValueId input : read) {
      ASSERT_TRUE(input == kConstant || holds(input) || part_of_whole(input)) << step.name;
    }
    mark(plan.scratch[i], 128, kConstant - 1);
    for (const ValueId input : step.inputs) {
      // Scratch must not have hit an input.
      if (input != kConstant && step.kind == StepKind::conv) {
        const auto begin = owner.begin() + plan.values[input].offset;
        if (plan.values[input].space != Space::arena) continue;
        ASSERT_EQ(std::count(begin, begin + size_bytes(program.values[input]), kConstant - 1), 0);
      }
    }
    const Place& out = plan.values[step.output];
    if (out.space == Space::arena)
      mark(out.offset, size_bytes(program.values[step.output]), step.output);
  }
}

TEST(MemoryPlan, NoStepOverwritesWhatIsReadLater) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    check_plan(lower(testing::random_graph(seed), {}));
  }
  for (const char* name :
       {"resnet50", "inception_v3", "squeezenet1_1", "mobilenet_v2", "vit_tiny"}) {
    check_plan(lower(
        networks::fold_batch_norms(networks::remove_identities(networks::build_network(name))),
        {}));
  }
}

TEST(MemoryPlan, ConcatenationsOfWholeWordsNeedNoCopies) {
  const Program program = lower(networks::fold_batch_norms(networks::remove_identities(
                                    networks::build_network("inception_v3"))),
                                {});
  const MemoryPlan plan = plan_memory(program, std::vector<std::int64_t>(program.steps.size(), 0));
  for (const auto& copied : plan.copied) EXPECT_TRUE(copied.empty());
}

TEST(MemoryPlan, ResNetNeedsTheMemoryOfItsWidestPoint) {
  const Program program = lower(
      networks::fold_batch_norms(networks::remove_identities(networks::build_network("resnet50"))),
      {});
  const MemoryPlan plan = plan_memory(program, std::vector<std::int64_t>(program.steps.size(), 0));
  // The first convolution's result and its pool; later blocks hold 56x56x(256 + 64 + 64).
  EXPECT_LT(plan.arena_bytes, std::int64_t{56} * 56 * (256 + 256 + 64 + 64) * 4 * 11 / 10);
  EXPECT_EQ(plan.arena_bytes, plan.activation_bytes);
}

}  // namespace
}  // namespace wbs::runtime
