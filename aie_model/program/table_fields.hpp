// The structs of a program, field by field, for tables.cpp: each is described once and visited by
// the layout of the tables, their writer and their reader.
//
// An archive offers `archive(column, field)` for numbers, enumerations, strings, bytes, arrays and
// nested structs, and `archive.list(table, parent_column, vector)` for a table of child rows.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "aie_model/program/program.hpp"

namespace wbs::aie::table_form {

/// T or const T: the writer visits const structs, the reader fills them.
template <typename Given, typename T>
concept Like = std::same_as<std::remove_const_t<Given>, T>;

/// The largest value of an enumeration; all count from 0.
[[nodiscard]] constexpr std::int64_t last_of(auto value) {
  const auto last = [](auto enumerator) { return static_cast<std::int64_t>(enumerator); };
  using Enum = decltype(value);
  if constexpr (std::same_as<Enum, TileKind>) return last(TileKind::core);
  if constexpr (std::same_as<Enum, Direction>) return last(Direction::s2mm);
  if constexpr (std::same_as<Enum, MemoryOf>) return last(MemoryOf::ddr);
  if constexpr (std::same_as<Enum, CoreOp::Kind>) return last(CoreOp::Kind::end);
  if constexpr (std::same_as<Enum, Port::Kind>) return last(Port::Kind::west);
  if constexpr (std::same_as<Enum, DdrBuffer::Kind>) return last(DdrBuffer::Kind::scratch);
  if constexpr (std::same_as<Enum, Kernel>) return last(Kernel::gemm);
  if constexpr (std::same_as<Enum, GemmTypes>) return last(GemmTypes::bf16_bf16);
}

template <typename T>
  requires std::is_integral_v<T>
void fields(auto& archive, T& value) {
  archive("value", value);
}

void fields(auto& archive, Like<TileId> auto& tile) {
  archive("kind", tile.kind);
  archive("column", tile.column);
  archive("row", tile.row);
}

void fields(auto& archive, Like<LockUse> auto& use) {
  archive("lock", use.lock);
  archive("value", use.value);
}

void fields(auto& archive, Like<Dimension> auto& dimension) {
  archive("count", dimension.count);
  archive("stride", dimension.stride);
}

void fields(auto& archive, Like<Descriptor> auto& descriptor) {
  archive("memory", descriptor.memory);
  archive("ddr_buffer", descriptor.ddr_buffer);
  archive("address", descriptor.address);
  archive("words", descriptor.words);
  archive.list("dimensions", "descriptor", descriptor.dimensions);
  archive("iteration", descriptor.iteration);
  archive("pad_before", descriptor.pad_before);
  archive("pad_after", descriptor.pad_after);
  archive("acquire", descriptor.acquire);
  archive("release", descriptor.release);
  archive("next", descriptor.next);
  archive("packet", descriptor.packet);
  archive("target", descriptor.target);
  archive("compress", descriptor.compress);
  archive.list("sizes", "descriptor", descriptor.sizes);
}

void fields(auto& archive, Like<Task> auto& task) {
  archive("descriptor", task.descriptor);
  archive("repeat", task.repeat);
}

void fields(auto& archive, Like<Channel> auto& channel) {
  archive("direction", channel.direction);
  archive("index", channel.index);
  archive("out_of_order", channel.out_of_order);
  archive.list("tasks", "channel", channel.tasks);
}

void fields(auto& archive, Like<Ring> auto& ring) {
  archive("address", ring.address);
  archive("slot_bytes", ring.slot_bytes);
  archive("slots", ring.slots);
  archive.list("kept", "ring", ring.kept);
}

void fields(auto& archive, Like<Operand> auto& operand) {
  archive("ring", operand.ring);
  archive("address", operand.address);
}

void fields(auto& archive, Like<ImageExtent> auto& extent) {
  archive("blocks", extent.blocks);
  archive("rows", extent.rows);
  archive("columns", extent.columns);
}

void fields(auto& archive, Like<KernelCall> auto& call) {
  archive("kernel", call.kernel);
  archive("input", call.input);
  archive("second", call.second);
  archive("weights", call.weights);
  archive("output", call.output);
  archive("accumulators", call.accumulators);
  archive("in", call.in);
  archive("out", call.out);
  archive("window", call.window);
  archive("stride", call.stride);
  archive("begin", call.begin);
  archive("finish", call.finish);
  archive("adds", call.adds);
  archive("input_unsigned", call.input_unsigned);
  archive("second_unsigned", call.second_unsigned);
  archive("minimum", call.minimum);
  archive("maximum", call.maximum);
  archive("shift_input", call.shift_input);
  archive("shift_second", call.shift_second);
  archive("shift", call.shift);
  archive("multiplier", call.multiplier);
  archive("gemm", call.gemm);
  archive("gemm_types", call.gemm_types);
}

void fields(auto& archive, Like<CoreOp> auto& op) {
  archive("kind", op.kind);
  archive("lock", op.lock);
  archive("index", op.index);
  archive("count", op.count);
}

void fields(auto& archive, Like<TileProgram> auto& tile) {
  archive("tile", tile.tile);
  archive.list("locks", "tile", tile.locks);
  archive.list("descriptors", "tile", tile.descriptors);
  archive.list("channels", "tile", tile.channels);
  archive.list("rings", "tile", tile.rings);
  archive.list("calls", "tile", tile.calls);
  archive.list("code", "tile", tile.code);
}

void fields(auto& archive, Like<Port> auto& port) {
  archive("kind", port.kind);
  archive("index", port.index);
}

void fields(auto& archive, Like<SwitchConnection> auto& connection) {
  archive("tile", connection.tile);
  archive("slave", connection.slave);
  archive("master", connection.master);
  archive("packet", connection.packet);
}

void fields(auto& archive, Like<Step> auto& step) {
  archive("name", step.name);
  archive("layer", step.layer);
  archive.list("tiles", "step", step.tiles);
  archive.list("connections", "step", step.connections);
}

void fields(auto& archive, Like<DdrBuffer> auto& buffer) {
  archive("name", buffer.name);
  archive("kind", buffer.kind);
  archive("size_bytes", buffer.size_bytes);
  archive("data", buffer.data);
}

void fields(auto& archive, Like<TensorShape> auto& shape) {
  archive("channels", shape.channels);
  archive("rows", shape.rows);
  archive("columns", shape.columns);
  archive("is_unsigned", shape.is_unsigned);
  archive("exponent", shape.exponent);
}

void fields(auto& archive, Like<TensorPart> auto& part) {
  archive("step", part.step);
  archive("tile", part.tile);
  archive("ddr_buffer", part.ddr_buffer);
  archive("address", part.address);
  archive("block", part.block);
  archive("blocks", part.blocks);
  archive("row", part.row);
  archive("rows", part.rows);
  archive("stored_rows", part.stored_rows);
  archive("first_row", part.first_row);
}

void fields(auto& archive, Like<ProgramLayer> auto& layer) {
  archive("name", layer.name);
  archive("operation", layer.operation);
  archive("macs", layer.macs);
  archive("kept_macs", layer.kept_macs);
  archive("output", layer.output);
  archive.list("parts", "layer", layer.parts);
}

void fields(auto& archive, Like<Program> auto& program) {
  archive("network", program.network);
  archive("pattern", program.pattern);
  archive("device", program.device);
  archive("columns", program.columns);
  archive("rows", program.rows);
  archive("input", program.input);
  archive("output", program.output);
  archive("input_buffer", program.input_buffer);
  archive("output_buffer", program.output_buffer);
  archive.list("ddr", "program", program.ddr);
  archive.list("layers", "program", program.layers);
  archive.list("steps", "program", program.steps);
}

}  // namespace wbs::aie::table_form
