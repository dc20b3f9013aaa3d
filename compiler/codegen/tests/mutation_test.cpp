// A program is what runs: change any part of it, and the result changes or the machine complains.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "aie_model/machine/machine.hpp"
#include "compiler/codegen/generate.hpp"
#include "core/rng.hpp"
#include "networks/int8_random.hpp"

namespace wbs::compiler {
namespace {

class Mutation : public testing::Test {
 protected:
  [[nodiscard]] aie::RunResult run(const aie::Program& program) const {
    aie::RunOptions options;
    options.functional = true;
    return aie::run(program, device_, options, image_);
  }

  /// Applies `change` to copies of the program, at places chosen at random. Returns how many of the
  /// changed programs gave the good output without a fault.
  [[nodiscard]] int unnoticed(int trials, const std::function<void(aie::Program&, Rng&)>& change) {
    int count = 0;
    for (int trial = 0; trial < trials; ++trial) {
      aie::Program program = program_;
      Rng rng(static_cast<std::uint64_t>(trial));
      change(program, rng);
      const aie::RunResult result = run(program);
      if (!result.fault && result.output == good_.output) ++count;
    }
    return count;
  }

  /// A tile of the program with at least one element that `elements` finds.
  template <typename Elements>
  static auto& pick(aie::Program& program, Rng& rng, Elements elements) {
    for (;;) {
      auto& step = program.steps[rng.below(program.steps.size())];
      auto& tile = step.tiles[rng.below(step.tiles.size())];
      auto found = elements(tile);
      if (!found.empty()) return *found[rng.below(found.size())];
    }
  }

  static std::vector<aie::Descriptor*> descriptors(
      aie::TileProgram& tile, const std::function<bool(aie::Descriptor&)>& good) {
    std::vector<aie::Descriptor*> found;
    for (aie::Descriptor& descriptor : tile.descriptors) {
      if (descriptor.words > 0 && good(descriptor)) found.push_back(&descriptor);
    }
    return found;
  }

  /// A lock that begins at 0 and that somebody acquires, who must wait for a release.
  static bool awaited(const aie::TileProgram& tile, const aie::LockUse& use) {
    const auto waits = [&](const aie::LockUse& other) { return other.lock == use.lock; };
    return use.lock >= 0 && tile.locks[static_cast<std::size_t>(use.lock)] == 0 &&
           (std::ranges::any_of(tile.descriptors,
                                [&](const aie::Descriptor& d) { return waits(d.acquire); }) ||
            std::ranges::any_of(tile.code, [&](const aie::CoreOp& op) {
              return op.kind == aie::CoreOp::Kind::acquire && waits(op.lock);
            }));
  }

  // Nothing that hides a changed value: no zero blocks, no maximum or mean at the end.
  networks::Int8Network network_ = networks::random_int8_network(3, {.least_pixels = 16,
                                                                     .most_layers = 4,
                                                                     .zero_blocks = 0,
                                                                     .two_of_four = 0,
                                                                     .pools = false,
                                                                     .depthwise = false,
                                                                     .classifier = false});
  aie::Device device_ = value_or_throw(aie::find_device("aie2:4x4"));
  aie::Program program_ = generate(network_, device_);
  std::vector<std::uint8_t> image_ =
      to_input_layout(program_, networks::random_int8_image(network_, 3));
  aie::RunResult good_ = run(program_);
};

TEST_F(Mutation, TheUnchangedProgramRuns) {
  ASSERT_FALSE(good_.fault) << good_.fault->message;
  const auto reference = networks::interpret(network_, networks::random_int8_image(network_, 3));
  EXPECT_EQ(from_array_layout(program_.output, good_.output), reference[network_.output]);
}

TEST_F(Mutation, AFlippedHighBitOfAPackedWeightIsNoticed) {
  const auto weights =
      std::find_if(program_.ddr.begin(), program_.ddr.end(),
                   [](const aie::DdrBuffer& b) { return b.kind == aie::DdrBuffer::Kind::weights; });
  const auto index = static_cast<std::size_t>(weights - program_.ddr.begin());
  // Some bytes are padding, and saturation hides some changes: most must show.
  EXPECT_LT(unnoticed(60,
                      [&](aie::Program& program, Rng& rng) {
                        auto& data = program.ddr[index].data;
                        data[rng.below(data.size())] ^= 0x40;
                      }),
            45);
}

TEST_F(Mutation, AChangedStrideIsNoticed) {
  const int missed = unnoticed(60, [](aie::Program& program, Rng& rng) {
    aie::Descriptor& descriptor = pick(program, rng, [](aie::TileProgram& tile) {
      return descriptors(tile, [](aie::Descriptor& d) {
        return d.dimensions.size() > 1 && d.dimensions[1].count > 1;
      });
    });
    descriptor.dimensions[1].stride += 2;
  });
  EXPECT_EQ(missed, 0);
}

TEST_F(Mutation, AChangedAddressIsNoticed) {
  const int missed = unnoticed(60, [](aie::Program& program, Rng& rng) {
    pick(program, rng, [](aie::TileProgram& tile) {
      return descriptors(tile,
                         [&](aie::Descriptor&) { return tile.tile.kind != aie::TileKind::core; });
    }).address += 8;
  });
  // Bytes beyond the end of a chunk of weights are moved but not read.
  EXPECT_LE(missed, 5);
}

TEST_F(Mutation, ADescriptorThatDoesNotWaitIsNoticed) {
  const int missed = unnoticed(60, [](aie::Program& program, Rng& rng) {
    pick(program, rng, [](aie::TileProgram& tile) {
      return descriptors(tile, [&](aie::Descriptor& d) { return awaited(tile, d.acquire); });
    }).acquire.lock = -1;
  });
  EXPECT_EQ(missed, 0);
}

TEST_F(Mutation, ADescriptorThatDoesNotReleaseIsNoticed) {
  const int missed = unnoticed(60, [](aie::Program& program, Rng& rng) {
    pick(program, rng, [](aie::TileProgram& tile) {
      return descriptors(tile, [&](aie::Descriptor& d) { return awaited(tile, d.release); });
    }).release.lock = -1;
  });
  EXPECT_EQ(missed, 0);
}

TEST_F(Mutation, ACoreThatDoesNotWaitForItsDataIsNoticed) {
  const int missed = unnoticed(60, [](aie::Program& program, Rng& rng) {
    aie::CoreOp& op = pick(program, rng, [](aie::TileProgram& tile) {
      std::vector<aie::CoreOp*> found;
      for (aie::CoreOp& code : tile.code) {
        if (code.kind == aie::CoreOp::Kind::acquire && awaited(tile, code.lock)) {
          found.push_back(&code);
        }
      }
      return found;
    });
    op.kind = aie::CoreOp::Kind::begin;  // an empty loop instead
    op.count = 0;
  });
  EXPECT_EQ(missed, 0);
}

}  // namespace
}  // namespace wbs::compiler
