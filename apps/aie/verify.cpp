#include "apps/aie/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "compiler/codegen/generate.hpp"
#include "core/error.hpp"

namespace wbs::apps {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::int64_t distinct_values(const Bytes& bytes) {
  std::vector<bool> seen(256);
  for (const std::uint8_t byte : bytes) seen[byte] = true;
  return std::count(seen.begin(), seen.end(), true);
}

/// Where the bytes of a part differ first from `reference` ([channels][rows][columns]).
std::string compare_part(const aie::ProgramLayer& layer, const aie::TensorPart& part,
                         const aie::RunOptions::Reader& read, const Bytes& reference) {
  const aie::TensorShape& shape = layer.output;
  Bytes row(static_cast<std::size_t>(shape.columns * 8));
  for (std::int64_t i = 0; i < part.blocks * part.rows; ++i) {
    const std::int64_t block = i / part.rows;
    const std::int64_t y = part.row + i % part.rows;
    const std::int64_t stored = block * part.stored_rows + part.first_row + i % part.rows;
    read(part.tile, part.ddr_buffer,
         part.address + static_cast<std::uint64_t>(stored * shape.columns * 8), row);
    for (std::int64_t j = 0; j < shape.columns * 8; ++j) {
      const std::int64_t channel = (part.block + block) * 8 + j % 8;
      const std::int64_t at = (channel * shape.rows + y) * shape.columns + j / 8;
      const int expected = channel < shape.channels ? reference[static_cast<std::size_t>(at)] : 0;
      const int found = row[static_cast<std::size_t>(j)];
      if (found == expected) continue;
      return fmt::format("{} '{}' in {}: channel {}, row {}, column {} is {}, expected {}",
                         layer.operation, layer.name, to_string(part.tile), channel, y, j / 8,
                         found, expected);
    }
  }
  return "";
}

void check_shape(const aie::TensorShape& ours, const networks::Int8Shape& theirs,
                 const char* what) {
  if (ours.channels == theirs.channels && ours.rows == theirs.rows &&
      ours.columns == theirs.columns) {
    return;
  }
  throw Error(
      ErrorKind::input,
      fmt::format("the program's {} is {}x{}x{}, its network's is {}x{}x{}", what, ours.channels,
                  ours.rows, ours.columns, theirs.channels, theirs.rows, theirs.columns));
}

/// Compares every layer when the step after which it lies in memory has ended.
class Comparison {
 public:
  Comparison(const aie::Program& program, const networks::Int8Network& network,
             const std::vector<Bytes>& reference, Verification& result)
      : program_(program), result_(result) {
    std::map<std::string, std::size_t> by_name;
    for (std::size_t i = 0; i < network.operations.size(); ++i) {
      by_name[network.operations[i].name] = i;
    }
    for (const aie::ProgramLayer& layer : program.layers) {
      const auto found = by_name.find(layer.name);
      if (found == by_name.end() || !same_shape(layer, network.operations[found->second])) {
        throw Error(ErrorKind::input,
                    fmt::format("layer '{}' of the program is none of its network", layer.name));
      }
      check_parts(layer);
      references_.push_back(&reference[found->second]);
    }
    result_.layers = static_cast<std::int64_t>(program.layers.size());
  }

  void after_step(std::uint32_t step, const aie::RunOptions::Reader& read) {
    for (std::size_t i = 0; i < program_.layers.size(); ++i) {
      const aie::ProgramLayer& layer = program_.layers[i];
      for (const aie::TensorPart& part : layer.parts) {
        if (part.step != step || !result_.difference.empty()) continue;
        result_.difference = compare_part(layer, part, read, *references_[i]);
        if (compared_.insert(i).second) count(layer.name, *references_[i]);
      }
    }
  }

  void count(const std::string& layer, const Bytes& reference) {
    ++result_.layers_compared;
    const std::int64_t values = distinct_values(reference);
    if (values >= result_.distinct_values_least) return;
    result_.distinct_values_least = values;
    result_.least_layer = layer;
  }

 private:
  static bool same_shape(const aie::ProgramLayer& layer, const networks::Int8Op& op) {
    return layer.output.channels == op.output.channels && layer.output.rows == op.output.rows &&
           layer.output.columns == op.output.columns;
  }

  /// Parts lie inside their layer: an edited program must not make us read beyond the reference.
  static void check_parts(const aie::ProgramLayer& layer) {
    for (const aie::TensorPart& part : layer.parts) {
      const bool rows = part.row >= 0 && part.rows >= 0 && part.first_row >= 0 &&
                        part.stored_rows >= 0 && part.rows <= layer.output.rows &&
                        part.row <= layer.output.rows - part.rows;
      const bool blocks = part.block >= 0 && part.blocks >= 0 &&
                          part.blocks <= layer.output.blocks() &&
                          part.block <= layer.output.blocks() - part.blocks;
      if (rows && blocks) continue;
      throw Error(ErrorKind::input,
                  fmt::format("layer '{}': its part in {} after step {} lies outside the layer",
                              layer.name, to_string(part.tile), part.step));
    }
  }

  const aie::Program& program_;
  Verification& result_;
  std::vector<const Bytes*> references_;  ///< by layer
  std::set<std::size_t> compared_;
};

}  // namespace

Verification verify(const aie::Program& program, const aie::Device& device,
                    const networks::Int8Network& network, std::span<const std::uint8_t> image) {
  check_shape(program.input, network.operations.front().output, "input");
  check_shape(program.output, network.operations.at(network.output).output, "output");
  Verification result;
  const Clock::time_point start = Clock::now();
  const std::vector<Bytes> reference = networks::interpret(network, image);
  result.reference_s = seconds_since(start);
  Comparison comparison(program, network, reference, result);
  aie::RunOptions options;
  options.functional = true;
  options.after_step = [&](std::uint32_t step, const aie::RunOptions::Reader& read) {
    comparison.after_step(step, read);
  };
  const Clock::time_point begin = Clock::now();
  const aie::RunResult run = aie::run(
      program, device, options, compiler::to_input_layout(program, {image.begin(), image.end()}));
  result.machine_s = seconds_since(begin);
  result.fault = run.fault;
  if (!run.fault) {
    if (run.output.size() !=
        static_cast<std::size_t>(program.output.blocks() * program.output.rows *
                                 program.output.columns * 8)) {
      throw Error(ErrorKind::input, "the program's output buffer has another size than its output");
    }
    result.output = compiler::from_array_layout(program.output, run.output);
    const Bytes& expected = reference[network.output];
    comparison.count("the output", expected);
    --result.layers_compared;
    if (result.difference.empty() && result.output != expected) {
      result.difference = "the output differs from the reference";
    }
  }
  result.bit_exact = !result.fault && result.difference.empty();
  return result;
}

}  // namespace wbs::apps
