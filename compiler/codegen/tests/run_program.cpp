#include "compiler/codegen/tests/run_program.hpp"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "aie_model/machine/machine.hpp"
#include "aie_model/program/checker.hpp"
#include "networks/int8_random.hpp"

namespace wbs::compiler {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// The first byte of the part that is not the reference's, as a sentence.
std::string compare_part(const aie::ProgramLayer& layer, const aie::TensorPart& part,
                         const aie::RunOptions::Reader& read, const Bytes& reference) {
  const aie::TensorShape& shape = layer.output;
  for (std::int64_t block = 0; block < part.blocks; ++block) {
    Bytes row(static_cast<std::size_t>(shape.columns * 8));
    for (std::int64_t y = 0; y < part.rows; ++y) {
      const std::int64_t stored = block * part.stored_rows + part.first_row + y;
      read(part.tile, part.ddr_buffer,
           part.address + static_cast<std::uint64_t>(stored * shape.columns * 8), row);
      for (std::int64_t x = 0; x < shape.columns; ++x) {
        for (std::int64_t c = 0; c < 8; ++c) {
          const std::int64_t channel = (part.block + block) * 8 + c;
          const int expected = channel < shape.channels
                                   ? reference[static_cast<std::size_t>(
                                         (channel * shape.rows + part.row + y) * shape.columns + x)]
                                   : 0;
          const int found = row[static_cast<std::size_t>(x * 8 + c)];
          if (found != expected) {
            return fmt::format("{} {}: channel {}, row {}, column {} is {}, expected {}",
                               layer.operation, layer.name, channel, part.row + y, x, found,
                               expected);
          }
        }
      }
    }
  }
  return "";
}

}  // namespace

std::string difference_from_reference(const networks::Int8Network& network,
                                      const aie::Device& device, const CodegenOptions& options,
                                      std::uint64_t seed) {
  const aie::Program program = generate(network, device, options);
  const std::vector<aie::Violation> violations = aie::check(program, device);
  if (!violations.empty()) {
    const aie::Violation& first = violations.front();
    return fmt::format("step {} ({}): {}: {} ({} violations)", first.step,
                       program.steps[first.step].name, first.rule, first.message,
                       violations.size());
  }
  const Bytes image = networks::random_int8_image(network, seed);
  const std::vector<Bytes> reference = networks::interpret(network, image);
  std::map<std::string, std::size_t> by_name;
  for (std::size_t i = 0; i < network.operations.size(); ++i) {
    by_name[network.operations[i].name] = i;
  }
  std::string difference;
  aie::RunOptions run_options;
  run_options.functional = true;
  run_options.after_step = [&](std::uint32_t step, const aie::RunOptions::Reader& read) {
    for (const aie::ProgramLayer& layer : program.layers) {
      for (const aie::TensorPart& part : layer.parts) {
        if (part.step != step || !difference.empty()) continue;
        difference = compare_part(layer, part, read, reference[by_name.at(layer.name)]);
      }
    }
  };
  const aie::RunResult result =
      aie::run(program, device, run_options, to_input_layout(program, image));
  if (result.fault) {
    return fmt::format("step {} ({}): {}: {}", result.fault->step,
                       program.steps[result.fault->step].name, to_string(result.fault->kind),
                       result.fault->message);
  }
  if (!difference.empty()) return difference;
  if (from_array_layout(program.output, result.output) != reference[network.output]) {
    return "the output differs";
  }
  return "";
}

}  // namespace wbs::compiler
