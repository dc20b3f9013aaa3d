// The published tiling of a network as a program for the event model, and beside our own.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "aie_model/device.hpp"
#include "apps/aie/device_choice.hpp"
#include "apps/aie/int8_model.hpp"
#include "apps/aie/program_file.hpp"
#include "compiler/published/published.hpp"
#include "compiler/tiled_network.hpp"
#include "compiler/tiler.hpp"

namespace wbs::apps {

/// What a file of such a program says of itself.
inline constexpr std::string_view kReplayNote =
    "replays the published tiling: for timing only, it moves the right numbers of bytes but no "
    "values";

/// A replay, and the tiling that it is of.
struct CompiledReplay {
  compiler::TiledNetwork tiled;
  compiler::PublishedProgram published;
  compiler::ReplayLanes lanes = compiler::ReplayLanes::counted;
  double seconds = 0.0;  ///< of masks, tiling, generating and checking
};

/// What a user may choose of a replay.
struct ReplayChoice {
  compiler::ReplayLanes lanes = compiler::ReplayLanes::counted;
  compiler::CinSplit cin_split = compiler::CinSplit::even_shares;
};

/// Tiles the graph of `model` by the published rules, at the densities of its pruned weights, and
/// generates the replay, which multiplies what is left of them. `pattern` is noted in the program.
/// Throws Error: `unsupported` where the array has no way for it, `internal` when the program
/// breaks a rule of the checker that is not about sizes of buffers.
[[nodiscard]] CompiledReplay compile_replay(const Model& model, const std::string& pattern,
                                            const aie::Device& device,
                                            const ReplayChoice& choice = {});

/// What the published tiling exceeds, by layer: sizes of buffers, and rules of the checker with how
/// often they are broken. One sentence each, the same for equal programs.
[[nodiscard]] std::vector<std::string> exceeded_limits(const compiler::PublishedProgram& published,
                                                       const aie::Device& device);

/// What goes into the replay's file. Refers to `replay`.
[[nodiscard]] ProgramFileContent replay_content(const CompiledReplay& replay,
                                                const ChosenDevice& device,
                                                const std::string& weights_source);

/// The keys of compile_json that a replay has, with `tiling`, `timing_only` and `exceeds`.
[[nodiscard]] nlohmann::json replay_json(const CompiledReplay& replay, const aie::Device& device);

/// The same for people.
[[nodiscard]] std::string replay_text(const CompiledReplay& replay, const aie::Device& device);

}  // namespace wbs::apps
