#include "aie_model/machine/machine.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "aie_model/machine/engine.hpp"

namespace wbs::aie {
namespace {

void check_arguments(const Program& program, const Device& device, bool functional,
                     std::span<const std::uint8_t> input) {
  if (program.device != device.name || program.columns != device.columns ||
      program.rows != device.rows) {
    throw Error(ErrorKind::input,
                fmt::format("the program is for {} with {} x {} cores, the device is {} with {} x "
                            "{}",
                            program.device, program.columns, program.rows, device.name,
                            device.columns, device.rows));
  }
  for (const DdrBuffer& buffer : program.ddr) {
    if (buffer.kind == DdrBuffer::Kind::weights && functional &&
        buffer.data.size() != buffer.size_bytes) {
      throw Error(ErrorKind::input, fmt::format("DDR buffer {} has {} of its {} bytes", buffer.name,
                                                buffer.data.size(), buffer.size_bytes));
    }
    if (buffer.kind == DdrBuffer::Kind::input && functional && input.size() != buffer.size_bytes) {
      throw Error(ErrorKind::input, fmt::format("the input has {} bytes, the program's has {}",
                                                input.size(), buffer.size_bytes));
    }
  }
}

}  // namespace

RunResult run(const Program& program, const Device& device, const RunOptions& options,
              std::span<const std::uint8_t> input) {
  check_arguments(program, device, options.functional, input);
  return Engine(program, device, options, input).run();
}

std::string_view to_string(FaultKind kind) noexcept {
  constexpr std::array<std::string_view, 5> kNames{"deadlock", "race", "uninitialised",
                                                   "out of range", "malformed"};
  return kNames[static_cast<std::size_t>(kind)];
}

StepTime& StepTime::operator+=(const StepTime& step) noexcept {
  core += step.core;
  core_stream += step.core_stream;
  memtile += step.memtile;
  shim += step.shim;
  dram += step.dram;
  reconfigure += step.reconfigure;
  bank_conflicts += step.bank_conflicts;
  memtile_banks += step.memtile_banks;
  ddr_read_bytes += step.ddr_read_bytes;
  ddr_write_bytes += step.ddr_write_bytes;
  dram_read += step.dram_read;
  dram_write += step.dram_write;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    channels[i].bytes += step.channels[i].bytes;
    channels[i].busiest += step.channels[i].busiest;
  }
  link_bytes += step.link_bytes;
  calls += step.calls;
  return *this;
}

std::string_view StepTime::bound() const noexcept {
  const std::array<std::pair<std::uint64_t, std::string_view>, 6> resources{
      {{core, "core"},
       {core_stream, "core stream"},
       {memtile, "memtile"},
       {shim, "shim"},
       {dram, "dram"},
       {reconfigure, "reconfigure"}}};
  std::pair<std::uint64_t, std::string_view> busiest = resources[0];
  for (const auto& resource : resources) {
    if (resource.first > busiest.first) busiest = resource;
  }
  return busiest.second;
}

}  // namespace wbs::aie
