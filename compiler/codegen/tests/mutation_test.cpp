// A program is what runs: change any part of it, and the result changes or the machine complains.
#include <gtest/gtest.h>

#include <functional>

#include "aie_model/machine/machine.hpp"
#include "compiler/codegen/generate.hpp"
#include "core/rng.hpp"
#include "networks/int8_random.hpp"

namespace wbs::compiler {
namespace {

struct Fixture {
  networks::Int8Network network = networks::random_int8_network(3);
  aie::Device device = value_or_throw(aie::find_device("aie2:4x4"));
  aie::Program program = generate(network, device);
  std::vector<std::uint8_t> image =
      to_input_layout(program, networks::random_int8_image(network, 3));
  aie::RunResult good = run(program);

  aie::RunResult run(const aie::Program& changed) const {
    aie::RunOptions options;
    options.functional = true;
    return aie::run(changed, device, options, image);
  }
};

/// Changes places chosen at random, one at a time; returns how many went unnoticed.
int unnoticed(const Fixture& fixture, int trials,
              const std::function<bool(aie::Program&, Rng&)>& change) {
  int count = 0;
  for (int trial = 0; trial < trials; ++trial) {
    aie::Program program = fixture.program;
    Rng rng(static_cast<std::uint64_t>(trial), "mutation");
    if (!change(program, rng)) continue;
    const aie::RunResult result = fixture.run(program);
    if (!result.fault && result.output == fixture.good.output) ++count;
  }
  return count;
}

TEST(Mutation, TheUnchangedProgramRuns) {
  const Fixture fixture;
  ASSERT_FALSE(fixture.good.fault) << fixture.good.fault->message;
  EXPECT_EQ(from_array_layout(fixture.program.output, fixture.good.output),
            networks::interpret(fixture.network, networks::random_int8_image(fixture.network, 3))
                .at(fixture.network.output));
}

}  // namespace
}  // namespace wbs::compiler
