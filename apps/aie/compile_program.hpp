// From a scaled model to a checked program, with the time that each part took.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/program/program.hpp"
#include "apps/aie/int8_model.hpp"
#include "compiler/codegen/generate.hpp"
#include "core/error.hpp"
#include "networks/int8_network.hpp"

namespace wbs::apps {

/// A program, the integer network that it computes, and how long compiling took.
struct CompiledProgram {
  networks::Int8Network network;
  aie::Program program;
  std::vector<std::string> depth_cuts;  ///< "FIRST .. LAST in N" of each depth-wise tiled part
  double convert_s = 0.0;               ///< networks::to_int8
  double depth_s = 0.0;                 ///< compiler::tile_network
  double generate_s = 0.0;              ///< mapping, memory, schedule, code
  double check_s = 0.0;                 ///< aie::check
  [[nodiscard]] double seconds() const { return convert_s + depth_s + generate_s + check_s; }
};

/// Without fused residual sums where cores of a column share streams: there the copies of the
/// inputs that a fused sum needs cost more than a sum of its own.
[[nodiscard]] networks::Int8Options for_device(networks::Int8Options integers,
                                               const aie::Device& device);

/// Converts, tiles, generates and checks. `pattern` is noted in the program; depth_tiles as
/// compiler::tile_network() takes it. Throws Error: `unsupported`
/// naming the node that does not fit, `internal` naming tile and rule when the checker refuses what
/// the compiler made.
[[nodiscard]] CompiledProgram compile_program(const ScaledModel& model, const std::string& pattern,
                                              const aie::Device& device,
                                              const networks::Int8Options& integers,
                                              const compiler::CodegenOptions& options,
                                              std::int64_t depth_tiles = 1);

/// The depth tiles that a user names: a number from 1 on, or "auto". Throws Error(usage).
[[nodiscard]] std::int64_t parse_depth_tiles(const std::string& text);

/// Throws Error(kind) naming tile and rule of the first limit of `device` that the program breaks,
/// and how many more there are. Rules in `exempt` do not count.
void check_program(const aie::Program& program, const aie::Device& device, ErrorKind kind,
                   std::span<const std::string_view> exempt = {});

/// What a program consists of.
struct ProgramSize {
  std::int64_t steps = 0, layers = 0;
  std::int64_t instructions = 0;  ///< of the control programs of all cores
  std::int64_t calls = 0, descriptors = 0, tasks = 0, connections = 0;
  std::int64_t packed_bytes = 0;    ///< weights as the array reads them
  std::int64_t scratch_bytes = 0;   ///< DDR for tensors between layers
  std::int64_t tensors_in_ddr = 0;  ///< between layers
  std::int64_t macs = 0, kept_macs = 0;
};
[[nodiscard]] ProgramSize size_of(const aie::Program& program);

/// The keys of `wbs compile --json`: seconds, instructions, descriptors, packed_bytes and more.
[[nodiscard]] nlohmann::json compile_json(const CompiledProgram& compiled,
                                          const ScaledModel& model);

/// The same for people.
[[nodiscard]] std::string compile_text(const CompiledProgram& compiled, const ScaledModel& model);

}  // namespace wbs::apps
