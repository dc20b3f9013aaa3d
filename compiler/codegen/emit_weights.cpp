#include <algorithm>
#include <array>
#include <span>

#include "compiler/codegen/core_program.hpp"
#include "compiler/codegen/shim_use.hpp"

namespace wbs::compiler {
namespace {

using aie::Direction;

/// A group with the locks of its ring, by slot.
struct Group : WeightsGroup {
  std::array<std::int16_t, 2> free{-1, -1}, filled{-1, -1};
};

/// Chunks are whole buffers: one contiguous loop, which no wrap limits.
void add_linear(StepBuilder& step, const ChannelId& channel, const std::vector<Access>& accesses,
                LoopLimits limits = {}) {
  limits.merge = false;
  limits.linear = true;
  add_accesses(step, channel, accesses, limits);
}

class WeightsEmitter {
 public:
  /// `shim` serves the column, and others too if it is shared.
  WeightsEmitter(const EmitContext& context, const Phase& phase, StepBuilder& step,
                 std::int64_t column, const ShimMap::Group& shim)
      : context_(context),
        device_(*context.device),
        phase_(phase),
        layer_(context.plan->layers[phase.layer]),
        deliveries_(deliveries_of(layer_, device_, phase)),
        step_(step),
        column_(column),
        shim_(shim) {}

  /// Other columns want weights from the shim too: this one gets them through one of its channels.
  void take_only(std::int64_t lane) { only_lane_ = lane; }

  /// Moves the first chunks into the ring.
  void preload() {
    prepare();
    for (std::int64_t lane = 0; lane < lanes_ && only_lane_ >= 0; ++lane) {
      read_ddr(lane, 0, in_lane(phase_.preloaded, lane), 1);
    }
    for (std::int64_t n = 0; n < phase_.preloaded; ++n) {
      const std::int64_t lane = n % lanes_;
      if (only_lane_ < 0) read_ddr(lane, n / lanes_, 1, 1);
      std::vector<Access> accesses;
      for (const Group& group : groups_) accesses.push_back(slot_access(group, n));
      add_linear(step_, memtile_channel(lane), accesses);
    }
  }

  /// From the Memtile on.
  void pass_on() {
    prepare();
    for (Group& group : groups_) make_locks(group);
    for (std::int64_t lane = 0; lane < lanes_; ++lane) fill_rings(lane);
    for (const Group& group : groups_) send(group);
  }

  /// From DDR into the Memtile, where nobody else uses the shim's channel.
  void read() {
    for (std::int64_t lane = 0; lane < lanes_; ++lane) {
      const std::int64_t here = in_lane(phase_.preloaded, lane);
      read_ddr(lane, here, in_lane(distinct(), lane) - here, 1);
      read_ddr(lane, 0, in_lane(distinct(), lane), deliveries_ / distinct() - 1);
    }
  }

  /// The shim's channel for a column that has only one, and what it reads for delivery `n`.
  [[nodiscard]] ChannelId only_channel() const { return shim_channel(0); }
  [[nodiscard]] std::int64_t deliveries() const { return deliveries_; }
  [[nodiscard]] Access read_one(std::int64_t n) {
    Access access;
    access.memory = aie::MemoryOf::ddr;
    access.ddr_buffer = context_.weights_buffer;
    const std::int64_t chunk = n % distinct();
    access.address = begin_of(0, chunk);
    access.dimensions = {
        {static_cast<std::uint32_t>((begin_of(0, chunk + 1) - access.address) / 4), 1}};
    access.packet = route_from_shim(0);
    return access;
  }

 private:
  std::int64_t slot(std::int64_t row) const {
    return layer_.slot_bytes[static_cast<std::size_t>(column_ * device_.rows + row)];
  }

  std::int64_t distinct() const { return distinct_chunks(layer_, phase_); }

  void prepare() {
    for (const WeightsGroup& group : weights_groups(*context_.plan, device_, phase_, column_)) {
      groups_.push_back({group, {-1, -1}, {-1, -1}});
    }
    lanes_ = weights_lanes(layer_, device_, phase_, only_lane_ < 0);
    packed_ = &pack_weights(context_, phase_);
  }

  /// Slots that are full when the step begins can be sent at once, the others filled.
  void make_locks(Group& group) {
    for (std::size_t slot_index = 0; slot_index < 2; ++slot_index) {
      const bool full = static_cast<std::int64_t>(slot_index) < phase_.preloaded;
      group.free[slot_index] = step_.lock(mem_tile(column_), full ? 0 : 1);
      group.filled[slot_index] = step_.lock(mem_tile(column_), full ? 1 : 0);
    }
  }

  /// How many of the first `count` chunks belong to the lane.
  std::int64_t in_lane(std::int64_t count, std::int64_t lane) const {
    return (count - lane + lanes_ - 1) / lanes_;
  }

  /// Where chunk `n` of the lane begins in DDR.
  std::uint64_t begin_of(std::int64_t lane, std::int64_t n) const {
    return packed_->begin.at({column_, lane})[static_cast<std::size_t>(n)];
  }
  /// The stream words of a group's chunks of delivery `n`; 0: as they are.
  std::uint32_t size_of(const Group& group, std::int64_t n) const {
    std::uint32_t size = 0;
    for (const std::int64_t row : group.rows) {
      size += chunk_size(context_, phase_, column_, row, n);
    }
    return size;
  }

  /// The shim's second channel and, for odd chunks, its first, which loads activations otherwise.
  ChannelId shim_channel(std::int64_t lane) const {
    const bool second = (only_lane_ < 0 ? lane : only_lane_) == 0;
    return {shim_tile(shim_.shim), Direction::mm2s, static_cast<std::uint8_t>(second ? 1 : 0)};
  }
  ChannelId memtile_channel(std::int64_t lane) const {
    return {mem_tile(column_), Direction::s2mm,
            shim_channel(lane).index == 1 ? kWeightsChannel : kLoadChannel};
  }
  /// Returns the id of packets to this column; -1 where there is no other.
  std::int16_t route_from_shim(std::int64_t lane) {
    const std::array to{memtile_channel(lane)};
    if (shim_.shared()) return step_.packet_route(shim_channel(lane), to);
    step_.route(shim_channel(lane), to);
    return -1;
  }
  /// Reads chunks [first, first + count) of the lane, `repeat` times.
  void read_ddr(std::int64_t lane, std::int64_t first, std::int64_t count, std::int64_t repeat) {
    if (count <= 0 || repeat <= 0) return;
    const ChannelId shim = shim_channel(lane);
    aie::Descriptor chunks;
    chunks.memory = aie::MemoryOf::ddr;
    chunks.ddr_buffer = context_.weights_buffer;
    chunks.address = begin_of(lane, first);
    chunks.words = static_cast<std::uint32_t>((begin_of(lane, first + count) - chunks.address) / 4);
    chunks.packet = route_from_shim(lane);
    step_.task(shim, step_.descriptor(shim, chunks), u32(repeat));
  }

  /// The group's chunks of delivery `n` in the ring.
  Access slot_access(const Group& group, std::int64_t n) const {
    Access access;
    if (only_lane_ < 0) access.compressed = size_of(group, n);
    access.address = static_cast<std::uint64_t>(group.address + n % 2 * group.bytes);
    access.dimensions = {{u32(group.bytes / 4), 1}};
    return access;
  }

  void fill_rings(std::int64_t lane) {
    std::vector<Access> accesses;
    for (std::int64_t n = lane; n < deliveries_; n += lanes_) {
      if (n < phase_.preloaded) continue;
      for (const Group& group : groups_) {
        Access access = slot_access(group, n);
        access.acquire = {group.free[static_cast<std::size_t>(n % 2)], 1};
        access.release = {group.filled[static_cast<std::size_t>(n % 2)], 1};
        accesses.push_back(access);
      }
    }
    if (!accesses.empty()) add_linear(step_, memtile_channel(lane), accesses);
  }

  void send(const Group& group) {
    const ChannelId channel{mem_tile(column_), Direction::mm2s, group.channel};
    const bool packets = group.rows.size() > 1;
    std::vector<Access> accesses;
    for (std::int64_t n = 0; n < deliveries_; ++n) {
      const auto slot_index = static_cast<std::size_t>(n % 2);
      std::int64_t address = group.address + n % 2 * group.bytes;
      for (const std::int64_t row : group.rows) {
        Access access;
        access.address = static_cast<std::uint64_t>(address);
        access.dimensions = {{u32(slot(row) / 4), 1}};
        access.compressed = chunk_size(context_, phase_, column_, row, n);
        if (row == group.rows.front()) access.acquire = {group.filled[slot_index], 1};
        if (row == group.rows.back()) access.release = {group.free[slot_index], 1};
        if (packets) access.packet = static_cast<std::int16_t>(row);
        accesses.push_back(access);
        address += slot(row);
      }
    }
    add_linear(step_, channel, accesses);
    const int shared = step_.new_group();
    for (const std::int64_t row : group.rows) {
      step_.route(channel, cores_of(row), static_cast<std::int16_t>(packets ? row : -1), shared);
    }
  }

  std::vector<ChannelId> cores_of(std::int64_t row) const {
    std::vector<ChannelId> cores;
    const bool to_all_rows = layer_.mapping.split == Split::pixels;
    for (std::int64_t r = to_all_rows ? 0 : row; r < (to_all_rows ? device_.rows : row + 1); ++r) {
      for (std::int64_t column = 0; column < device_.columns; ++column) {
        if (layer_.mapping.split == Split::channels && column != column_) continue;
        cores.push_back({core_tile_at(column, r), Direction::s2mm, 1});
      }
    }
    return cores;
  }

  const EmitContext& context_;
  const aie::Device& device_;
  const Phase& phase_;
  const LayerPlan& layer_;
  std::int64_t deliveries_;
  StepBuilder& step_;
  std::int64_t column_;
  const ShimMap::Group& shim_;
  std::vector<Group> groups_;
  const PackedWeights* packed_ = nullptr;
  std::int64_t lanes_ = 1;       ///< shim channels used
  std::int64_t only_lane_ = -1;  ///< the lane, if there is only one
};

/// The columns of a shim that want weights from it.
std::vector<WeightsEmitter> emitters_of(const EmitContext& context, const Phase& phase,
                                        StepBuilder& step, const ShimMap::Group& shim) {
  const LayerPlan& layer = context.plan->layers[phase.layer];
  std::vector<WeightsEmitter> emitters;
  for (const std::int64_t column : weights_columns(layer, *context.device, shim)) {
    emitters.emplace_back(context, phase, step, column, shim);
  }
  for (std::size_t i = 0; emitters.size() > 1 && i < emitters.size(); ++i) {
    emitters[i].take_only(static_cast<std::int64_t>(i % 2));
  }
  return emitters;
}

/// Chunk by chunk for all columns of the channel, as all cores need the n-th before the next one:
/// rings have two slots, so that a column that got many would keep the others waiting for good.
void read_in_turn(std::span<WeightsEmitter*> columns, const Phase& phase, StepBuilder& step) {
  std::vector<Access> accesses;
  for (std::int64_t n = phase.preloaded; n < columns.front()->deliveries(); ++n) {
    for (WeightsEmitter* column : columns) accesses.push_back(column->read_one(n));
  }
  LoopLimits limits;
  limits.chain = columns.size();  // descriptors of a shim are few
  if (!accesses.empty()) add_linear(step, columns.front()->only_channel(), accesses, limits);
}

}  // namespace

void emit_weights(const EmitContext& context, const Phase& phase, StepBuilder& step) {
  for (const ShimMap::Group& shim : context.plan->shims.groups()) {
    std::vector<WeightsEmitter> columns = emitters_of(context, phase, step, shim);
    std::array<std::vector<WeightsEmitter*>, 2> by_lane;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      columns[i].pass_on();
      by_lane.at(i % 2).push_back(&columns[i]);
    }
    for (std::vector<WeightsEmitter*>& lane : by_lane) {
      if (lane.size() == 1) lane.front()->read();
      if (lane.size() > 1) read_in_turn(lane, phase, step);
    }
  }
}

void emit_preload(const EmitContext& context, const Phase& phase, StepBuilder& step) {
  for (const ShimMap::Group& shim : context.plan->shims.groups()) {
    for (WeightsEmitter& column : emitters_of(context, phase, step, shim)) column.preload();
  }
}

}  // namespace wbs::compiler
