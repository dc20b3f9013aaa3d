// Does a program respect the hardware? A check of the data alone; nothing runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/program/program.hpp"

namespace wbs::aie {

/// Something that the hardware has no room or no way for.
struct Violation {
  std::uint32_t step = 0;
  TileId tile;
  std::string rule;     ///< one of rule_names()
  std::string message;  ///< a sentence with the tile, the descriptor or channel, value and limit
};

/// Everything in the program that breaks a limit of `device` (silicon.hpp) or a rule of
/// program.hpp, step by step; empty for a good program. Descriptors of 0 words are unused gaps. A
/// tile that does not exist is reported once and not looked into; what is sent and taken is counted
/// in steps where nothing else is wrong. Time grows linearly with the program's size. What depends
/// on the order of events (deadlock, races) is the machine's to find.
[[nodiscard]] std::vector<Violation> check(const Program& program, const Device& device);

/// The rules in the order in which a step is checked.
[[nodiscard]] std::vector<std::string_view> rule_names();

}  // namespace wbs::aie
