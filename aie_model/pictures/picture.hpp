// What all pictures of a run show: a program, its run with activities, and a span of time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/machine/machine.hpp"
#include "aie_model/program/program.hpp"

namespace wbs::aie {

/// The whole run, or the steps of one layer of Program::layers.
struct PictureSpan {
  std::optional<std::uint32_t> layer;
};

/// A run to draw. The run was made with RunOptions::trace; nothing is copied.
struct Picture {
  const Program& program;
  const Device& device;
  const RunResult& run;
  PictureSpan span = {};
};

/// A span of cycles.
struct Cycles {
  std::uint64_t begin = 0, end = 0;
  [[nodiscard]] std::uint64_t length() const { return end - begin; }
};

/// The cycles that the picture shows: from the first step of its layer to the last; at least one.
[[nodiscard]] Cycles shown(const Picture& picture);

/// The part of an activity inside `window`; empty (begin == end) when there is none.
[[nodiscard]] Cycles inside(const Activity& activity, Cycles window);

/// A layer on the time axis, first to last step; only layers that the window meets, in order.
struct LayerBand {
  std::uint32_t layer = 0;
  Cycles cycles;
};
[[nodiscard]] std::vector<LayerBand> layer_bands(const Picture& picture, Cycles window);

/// A share of the units of a lane that are busy, by equal parts of the window: 0 to 1.
[[nodiscard]] std::vector<double> busy_shares(const std::vector<Cycles>& busy, Cycles window,
                                              std::size_t parts, std::size_t units);

/// "resnet50 (dense) on aie2:4x4", and the layer when the picture shows one.
[[nodiscard]] std::string title(const Picture& picture);

/// Text inside XML, text inside a JSON string.
[[nodiscard]] std::string xml_text(std::string_view text);
[[nodiscard]] std::string json_text(std::string_view text);

}  // namespace wbs::aie
