#include <array>

#include "compiler/codegen/accesses.hpp"
#include "compiler/codegen/emit.hpp"
#include "compiler/codegen/shim_use.hpp"

namespace wbs::compiler {
namespace {

using aie::Direction;

/// Rows and blocks of a tensor stored as [blocks][stored_rows][columns][8].
std::vector<aie::Dimension> loops(const Part& part, std::int64_t columns,
                                  std::int64_t stored_rows) {
  return {{u32(columns * 2), 1},
          {u32(part.rows), static_cast<std::int32_t>(columns * 2)},
          {u32(part.blocks), static_cast<std::int32_t>(stored_rows * columns * 2)}};
}

Access ddr_access(const EmitContext& context, const Phase& phase, const Part& part) {
  const Storage& storage = context.plan->layout.storages[phase.strip.storage];
  Access access;
  access.memory = aie::MemoryOf::ddr;
  access.ddr_buffer = context.buffers[phase.strip.storage];
  access.address = static_cast<std::uint64_t>(part.block * storage.block_bytes() +
                                              part.row * storage.columns * 8);
  access.dimensions = loops(part, storage.columns, storage.rows);
  return access;
}

Access strip_access(const EmitContext& context, const Phase& phase, const Part& part,
                    std::int64_t column, std::int64_t owner) {
  const Storage& storage = context.plan->layout.storages[phase.strip.storage];
  Access access;
  access.address = strip_address(*context.plan, phase.strip, owner, part.block, part.row);
  access.dimensions = loops(part, storage.columns, phase.strip.stored_rows);
  if (owner < column) access.memory = aie::MemoryOf::west;
  if (owner > column) access.memory = aie::MemoryOf::east;
  return access;
}

void transfer(StepBuilder& step, const ChannelId& from, const Access& source, const ChannelId& to,
              const Access& target) {
  const LoopLimits limits;
  add_accesses(step, from, {source}, limits);
  add_accesses(step, to, {target}, limits);
  step.route(from, std::array{to});
}

/// One part through one channel of the group's shim, to all columns that want it.
void load_part(const EmitContext& context, const Phase& phase, const ShimMap::Group& group,
               const Delivery& delivery, std::uint8_t channel, StepBuilder& step) {
  const ChannelId from{shim_tile(group.shim), Direction::mm2s, channel};
  std::vector<ChannelId> to;
  for (const std::int64_t column : delivery.columns) {
    to.push_back(
        {mem_tile(column), Direction::s2mm, channel == 0 ? kLoadChannel : kWeightsChannel});
    add_accesses(step, to.back(), {strip_access(context, phase, delivery.part, column, column)},
                 {});
  }
  Access source = ddr_access(context, phase, delivery.part);
  if (group.shared()) {
    source.packet = step.packet_route(from, to);
  } else {
    step.route(from, to);
  }
  add_accesses(step, from, {source}, {});
}

}  // namespace

std::uint64_t strip_address(const NetworkPlan& plan, const Strip& strip, std::int64_t column,
                            std::int64_t block, std::int64_t row) {
  const auto c = static_cast<std::size_t>(column);
  const Storage& storage = plan.layout.storages[strip.storage];
  const std::int64_t offset = (block - strip.block[c]) * strip.stored_rows + row - strip.row[c];
  return static_cast<std::uint64_t>(plan.regions[strip.region].address +
                                    offset * storage.columns * 8);
}

void emit_load(const EmitContext& context, const Phase& phase, StepBuilder& step) {
  for (const ShimMap::Group& group : context.plan->shims.groups()) {
    const std::vector<Delivery> deliveries = deliveries_to(phase, group);
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
      const Part& whole = deliveries[i].part;
      if (deliveries.size() % 2 == 0) {
        load_part(context, phase, group, deliveries[i], static_cast<std::uint8_t>(i % 2), step);
        continue;
      }
      // Half of the blocks through each channel of the shim.
      Delivery half = deliveries[i];
      half.part.blocks = whole.blocks / 2;
      if (half.part.blocks > 0) load_part(context, phase, group, half, 0, step);
      half.part.block += whole.blocks / 2;
      half.part.blocks = whole.blocks - whole.blocks / 2;
      load_part(context, phase, group, half, 1, step);
    }
  }
}

void emit_store(const EmitContext& context, const Phase& phase, StepBuilder& step) {
  for (const ShimMap::Group& group : context.plan->shims.groups()) {
    for (std::size_t i = 0; i < group.columns.size(); ++i) {
      const std::int64_t column = group.columns[i];
      const Part& part = phase.parts[static_cast<std::size_t>(column)];
      if (part.rows <= 0 || part.blocks <= 0) continue;
      const ChannelId from{mem_tile(column), Direction::mm2s, kStoreChannel};
      const ChannelId to{shim_tile(group.shim), Direction::s2mm, static_cast<std::uint8_t>(i % 2)};
      Access source = strip_access(context, phase, part, column, column);
      const Access target = ddr_access(context, phase, part);
      if (!group.shared()) {
        transfer(step, from, source, to, target);
        continue;
      }
      // Nobody knows whose packet comes first: each names its descriptor.
      source.packet = step.merging_route(from, to);
      source.target = add_packets(step, to, {target}, {}).front().descriptor;
      add_accesses(step, from, {source}, {});
    }
  }
}

void emit_exchange(const EmitContext& context, const Phase& phase, StepBuilder& step) {
  for (std::int64_t column = 0; column < context.device->columns; ++column) {
    const auto move = [&](const Part& part, std::int64_t owner, std::uint8_t out, std::uint8_t in) {
      if (part.rows <= 0) return;
      transfer(step, {mem_tile(column), Direction::mm2s, out},
               strip_access(context, phase, part, column, owner),
               {mem_tile(column), Direction::s2mm, in},
               strip_access(context, phase, part, column, column));
    };
    move(phase.parts[static_cast<std::size_t>(column)], column - 1, 0, kOutputChannel);
    move(phase.from_east[static_cast<std::size_t>(column)], column + 1, 1, kOutputChannel + 1);
  }
}

}  // namespace wbs::compiler
