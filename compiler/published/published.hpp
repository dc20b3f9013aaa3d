// The published tiling as a program: what each lane of the authors' schedule moves and computes, as
// descriptors, locks, routes and kernel calls, so that the `event` machine can time it beside our
// own programs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/program/program.hpp"
#include "compiler/codegen/weights.hpp"
#include "compiler/tiled_network.hpp"
#include "core/error.hpp"
#include "core/tensor.hpp"

namespace wbs::compiler {

/// Which operands of a layer's weights are kept, and by which unit they are multiplied.
struct LayerMask {
  aie::Kernel kernel = aie::Kernel::conv;  ///< conv_sparse4: all weights are 2:4
  KeptMap kept;
};

/// The mask of pruned weights [cout][cin][kh][kw], as codegen would see it. Throws Error (input)
/// for other shapes.
[[nodiscard]] LayerMask mask_of(const Tensor& weights);

/// How much the lanes between Memtiles and cores move.
enum class ReplayLanes : std::uint8_t {
  /// As the published rules count: one chunk of weights for each sweep over the rows, one piece of
  /// the input channels for each iteration, whatever the calls need.
  counted,
  /// What the calls need: a sweep for each chunk of output channels, with all input channels, in
  /// pieces where weights or input come in pieces; such weights come again for each iteration.
  complete,
};

/// The lanes that a tiling's name means: "published" or "published_complete"; otherwise a refusal.
[[nodiscard]] Result<ReplayLanes> find_replay_lanes(std::string_view tiling);

struct PublishedOptions {
  ReplayLanes lanes = ReplayLanes::counted;
  /// By layer. Cores then multiply the operands that our own programs multiply; a layer without a
  /// mask keeps its mean density in every call. What is moved goes by the mean density either way.
  std::map<std::string, LayerMask> masks{};
};

/// Something of which the published tiling takes more than there is.
struct Excess {
  std::uint32_t layer = 0;  ///< of Program::layers
  /// A buffer: "core input", "core output", "core weights", "core memory", "Memtile". Or data that
  /// calls use: "weights of a sweep", "input of an iteration".
  std::string what;
  std::int64_t needed = 0, limit = 0;  ///< bytes; of data: those that come
};

/// A program for timing only: it moves the right numbers of bytes, but addresses stand for buffers
/// and not for pixels, and there are no weights in it.
struct PublishedProgram {
  aie::Program program;
  std::vector<Excess> excesses;  ///< by layer; each buffer of a layer once, at its worst
};

/// The program of `network`, which was tiled for `device`. Layers without work (concatenations) are
/// left out. Throws Error(unsupported) naming layer and limit where the array has no way for it:
/// more than four rows of cores for each column, or columns without a shim of their own.
[[nodiscard]] PublishedProgram published_program(const TiledNetwork& network,
                                                 const aie::Device& device,
                                                 const PublishedOptions& options = {});

/// Rules of aie::check that a replay may break, because they are about sizes of buffers.
[[nodiscard]] const std::vector<std::string_view>& published_exemptions();

/// Bytes that the busiest Memtile moves for a layer in each lane of the published estimator,
/// counted on the descriptors of such a program.
struct LaneBytes {
  std::int64_t load = 0, loadw = 0, loadfm = 0, loadwm = 0, write = 0, writefm = 0;
  friend bool operator==(const LaneBytes&, const LaneBytes&) = default;
};
[[nodiscard]] LaneBytes lane_bytes(const aie::Program& program, std::uint32_t layer);

}  // namespace wbs::compiler
