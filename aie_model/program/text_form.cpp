#include "aie_model/program/text_form.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace wbs::aie {
namespace {

template <typename... Args>
void append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

template <std::size_t N>
std::string_view name_of(auto value, const std::array<std::string_view, N>& names) {
  return names.at(static_cast<std::size_t>(value));
}

std::string_view name_of(Direction direction) {
  return direction == Direction::mm2s ? "mm2s" : "s2mm";
}

std::string text_of(const Port& port) {
  constexpr std::array<std::string_view, 5> kNames{"dma", "north", "south", "east", "west"};
  return fmt::format("{} {}", name_of(port.kind, kNames), port.index);
}

std::string text_of(const TensorShape& shape) {
  return fmt::format("{}x{}x{} {}*2^{}", shape.channels, shape.rows, shape.columns,
                     shape.is_unsigned ? "uint8" : "int8", shape.exponent);
}

std::string text_of(const ImageExtent& extent) {
  return fmt::format("{}x{}x{}x8", extent.blocks, extent.rows, extent.columns);
}

std::string text_of(const Operand& operand) {
  if (operand.ring < 0) return fmt::format("@{}", operand.address);
  return fmt::format("ring {} @{}", operand.ring, operand.address);
}

/// " acquire 2>=1": a leading space, or nothing where no lock is used.
std::string lock_text(std::string_view what, std::string_view sign, const LockUse& use) {
  if (use == LockUse{}) return "";
  return fmt::format(" {} {}{}{}", what, use.lock, sign, use.value);
}

void print_descriptor(std::string& out, std::size_t id, const Descriptor& descriptor) {
  constexpr std::array<std::string_view, 4> kMemories{"own", "west", "east", "ddr"};
  append(out, "    bd {}: {}", id, name_of(descriptor.memory, kMemories));
  if (descriptor.memory == MemoryOf::ddr || descriptor.ddr_buffer != 0) {
    append(out, " {}", descriptor.ddr_buffer);
  }
  append(out, " @{} {} words", descriptor.address, descriptor.words);
  if (!descriptor.dimensions.empty()) append(out, " loops");
  for (const Dimension& loop : descriptor.dimensions)
    append(out, " {}*{}", loop.count, loop.stride);
  if (descriptor.iteration != Dimension{1, 0}) {
    append(out, " iteration {}*{}", descriptor.iteration.count, descriptor.iteration.stride);
  }
  if (descriptor.pad_before != decltype(descriptor.pad_before){}) {
    append(out, " pad before {}", fmt::join(descriptor.pad_before, " "));
  }
  if (descriptor.pad_after != decltype(descriptor.pad_after){}) {
    append(out, " pad after {}", fmt::join(descriptor.pad_after, " "));
  }
  if (descriptor.compress) append(out, " compressed");
  if (!descriptor.sizes.empty()) append(out, " to {}", fmt::join(descriptor.sizes, " "));
  out += lock_text("acquire", ">=", descriptor.acquire);
  out += lock_text("release", "+=", descriptor.release);
  if (descriptor.packet != -1) append(out, " packet {}", descriptor.packet);
  if (descriptor.target != -1) append(out, " for bd {}", descriptor.target);
  if (descriptor.next != -1) append(out, " next {}", descriptor.next);
  out += '\n';
}

void print_channel(std::string& out, const Channel& channel) {
  append(out, "    {} {}{}:", name_of(channel.direction), channel.index,
         channel.out_of_order ? " out of order" : "");
  for (const Task& task : channel.tasks) {
    append(out, "{}", &task == channel.tasks.data() ? " " : ", ");
    if (task.descriptor == -1) {
      append(out, "{} packets", task.repeat);
    } else {
      append(out, "bd {}", task.descriptor);
      if (task.repeat != 1) append(out, " x{}", task.repeat);
    }
  }
  out += '\n';
}

/// The fields of a call that are not at their default.
void print_call(std::string& out, std::size_t id, const KernelCall& call) {
  const KernelCall usual;
  append(out, "    call {}: {}", id, to_string(call.kernel));
  const auto operand = [&](std::string_view name, const Operand& place) {
    if (place != Operand{}) append(out, " {} {}", name, text_of(place));
  };
  const auto number = [&](std::string_view name, std::int64_t value, std::int64_t otherwise) {
    if (value != otherwise) append(out, " {}{}", name, value);
  };
  const auto sizes = [&](std::string_view name, const auto& values, const auto& otherwise) {
    if (values != otherwise) append(out, " {} {}", name, fmt::join(values, "x"));
  };
  operand("input", call.input);
  if (call.in != usual.in) append(out, " {}", text_of(call.in));
  if (call.input_unsigned) append(out, " unsigned");
  number("<<", call.shift_input, 0);
  operand("second", call.second);
  if (call.second_unsigned) append(out, " second unsigned");
  number("second <<", call.shift_second, 0);
  operand("weights", call.weights);
  operand("output", call.output);
  if (call.out != usual.out) append(out, " to {}", text_of(call.out));
  number("accumulators @", call.accumulators, 0);
  sizes("window", call.window, usual.window);
  sizes("stride", call.stride, usual.stride);
  if (!call.begin) append(out, " continues");
  if (!call.finish) append(out, " unfinished");
  if (call.adds) append(out, " adds second");
  number("multiplier ", call.multiplier, usual.multiplier);
  number(">>", call.shift, 0);
  if (call.minimum != usual.minimum || call.maximum != usual.maximum) {
    append(out, " within {}..{}", call.minimum, call.maximum);
  }
  sizes("gemm", call.gemm, usual.gemm);
  if (call.gemm_types != usual.gemm_types) append(out, " {}", to_string(call.gemm_types));
  out += '\n';
}

void print_code(std::string& out, const std::vector<CoreOp>& code) {
  using Kind = CoreOp::Kind;
  std::size_t depth = 0;
  for (const CoreOp& op : code) {
    if (op.kind == Kind::end && depth > 0) --depth;
    out.append(6 + 2 * depth, ' ');
    switch (op.kind) {
      case Kind::acquire:
        append(out, "acquire {}>={}", op.lock.lock, op.lock.value);
        break;
      case Kind::release:
        append(out, "release {}+={}", op.lock.lock, op.lock.value);
        break;
      case Kind::call:
        append(out, "call {}", op.index);
        break;
      case Kind::advance:
        append(out, "advance ring {}", op.index);
        break;
      case Kind::begin:
        append(out, "loop {}", op.count);
        break;
      case Kind::end:
        append(out, "end");
        break;
    }
    if (op.kind == Kind::begin) ++depth;
    out += '\n';
  }
}

void print_tile(std::string& out, const TileProgram& tile) {
  append(out, "  {}\n", to_string(tile.tile));
  if (!tile.locks.empty()) append(out, "    locks {}\n", fmt::join(tile.locks, " "));
  for (std::size_t id = 0; id < tile.descriptors.size(); ++id) {
    const Descriptor& descriptor = tile.descriptors[id];
    if (descriptor != Descriptor{}) print_descriptor(out, id, descriptor);
  }
  for (const Channel& channel : tile.channels) print_channel(out, channel);
  for (std::size_t id = 0; id < tile.rings.size(); ++id) {
    const Ring& ring = tile.rings[id];
    append(out, "    ring {}: @{} {} slots of {} bytes", id, ring.address, ring.slots,
           ring.slot_bytes);
    if (!ring.kept.empty()) append(out, " kept {}", fmt::join(ring.kept, " "));
    out += '\n';
  }
  for (std::size_t id = 0; id < tile.calls.size(); ++id) print_call(out, id, tile.calls[id]);
  if (!tile.code.empty()) out += "    code\n";
  print_code(out, tile.code);
}

void append_step(std::string& out, const Program& program, std::size_t index) {
  const Step& step = program.steps[index];
  append(out, "step {} {:?} of layer {}", index, step.name, step.layer);
  if (step.layer < program.layers.size()) append(out, " {:?}", program.layers[step.layer].name);
  out += '\n';
  for (const TileProgram& tile : step.tiles) print_tile(out, tile);
  for (const SwitchConnection& connection : step.connections) {
    append(out, "  route {}: {} -> {}", to_string(connection.tile), text_of(connection.slave),
           text_of(connection.master));
    if (connection.packet != -1) append(out, " packet {}", connection.packet);
    out += '\n';
  }
}

void print_buffer(std::string& out, std::size_t id, const DdrBuffer& buffer) {
  constexpr std::array<std::string_view, 4> kKinds{"input", "weights", "output", "scratch"};
  append(out, "ddr {} {:?}: {} {} bytes", id, buffer.name, name_of(buffer.kind, kKinds),
         buffer.size_bytes);
  if (!buffer.data.empty()) {
    append(out, ", {} of data {}", buffer.data.size(),
           digest_of(std::as_bytes(std::span(buffer.data))));
  }
  out += '\n';
}

void print_layer(std::string& out, std::size_t id, const ProgramLayer& layer) {
  append(out, "layer {} {:?}: {} {} of {} MACs kept, {}\n", id, layer.name, layer.operation,
         layer.kept_macs, layer.macs, text_of(layer.output));
  for (const TensorPart& part : layer.parts) {
    append(out, "  after step {}: {}", part.step, to_string(part.tile));
    if (part.tile.kind == TileKind::shim || part.ddr_buffer != 0) {
      append(out, " ddr {}", part.ddr_buffer);
    }
    append(out, " @{} {} blocks from {}, {} rows from {}, {} stored, first {}\n", part.address,
           part.blocks, part.block, part.rows, part.row, part.stored_rows, part.first_row);
  }
}

}  // namespace

std::string print(const Program& program) {
  std::string out = fmt::format("program of {} ({}) on {}: {} columns, {} rows\n", program.network,
                                program.pattern, program.device, program.columns, program.rows);
  append(out, "input: ddr {} {}\n", program.input_buffer, text_of(program.input));
  append(out, "output: ddr {} {}\n", program.output_buffer, text_of(program.output));
  for (std::size_t i = 0; i < program.ddr.size(); ++i) print_buffer(out, i, program.ddr[i]);
  for (std::size_t i = 0; i < program.layers.size(); ++i) print_layer(out, i, program.layers[i]);
  for (std::size_t i = 0; i < program.steps.size(); ++i) append_step(out, program, i);
  return out;
}

std::string print_step(const Program& program, std::uint32_t step) {
  if (step >= program.steps.size()) {
    throw Error(ErrorKind::usage, fmt::format("step {}: the program has {} steps, from 0", step,
                                              program.steps.size()));
  }
  std::string out;
  append_step(out, program, step);
  return out;
}

}  // namespace wbs::aie
