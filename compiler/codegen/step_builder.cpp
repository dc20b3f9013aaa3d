#include "compiler/codegen/step_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/error.hpp"

namespace wbs::compiler {

using aie::Descriptor;
using aie::Direction;
using aie::Port;
using aie::TileId;
using aie::TileKind;

namespace {

[[noreturn]] void full(TileId id, std::string_view what, std::int64_t limit) {
  throw Error(ErrorKind::unsupported,
              fmt::format("{} has only {} {}", aie::to_string(id), limit, what));
}

std::size_t compass(Port::Kind side) {
  return static_cast<std::size_t>(side) - 1;
}

}  // namespace

StepBuilder::StepBuilder(const aie::Device& device, std::string name, std::uint32_t layer)
    : device_(&device), grid_(device) {
  step_.name = std::move(name);
  step_.layer = layer;
}

const aie::TileLimits& StepBuilder::limits(TileKind kind) const {
  const aie::Silicon& silicon = device_->silicon;
  if (kind == TileKind::shim) return silicon.shim;
  return kind == TileKind::memtile ? silicon.memtile : silicon.core;
}

aie::TileProgram& StepBuilder::tile(TileId id) {
  const auto [it, added] = tiles_.try_emplace(id, step_.tiles.size());
  if (added) step_.tiles.emplace_back().tile = id;
  return step_.tiles[it->second];
}

std::int16_t StepBuilder::lock(TileId id, std::int16_t initial) {
  auto& locks = tile(id).locks;
  if (static_cast<int>(locks.size()) >= limits(id.kind).locks) {
    full(id, "locks", limits(id.kind).locks);
  }
  locks.push_back(initial);
  return static_cast<std::int16_t>(locks.size() - 1);
}

std::int16_t StepBuilder::descriptor(const ChannelId& channel, Descriptor descriptor) {
  auto& descriptors = tile(channel.tile).descriptors;
  const aie::TileLimits& limit = limits(channel.tile.kind);
  auto& [low, high] = used_descriptors_[channel.tile];
  int id = low;
  if (limit.split_descriptors) {
    const int half = limit.descriptors / 2;
    const bool odd = channel.index % 2 != 0;
    int& used = odd ? high : low;
    if (used >= half)
      full(channel.tile, odd ? "descriptors for odd channels" : "descriptors for even channels",
           half);
    id = used++ + (odd ? half : 0);
  } else {
    if (low >= limit.descriptors) full(channel.tile, "descriptors", limit.descriptors);
    ++low;
  }
  if (static_cast<int>(descriptors.size()) <= id) {
    descriptors.resize(static_cast<std::size_t>(id) + 1);
  }
  descriptors[static_cast<std::size_t>(id)] = std::move(descriptor);
  return static_cast<std::int16_t>(id);
}

std::int16_t StepBuilder::chain(const ChannelId& channel, std::span<const Descriptor> descriptors) {
  std::int16_t next = -1;
  for (std::size_t i = descriptors.size(); i-- > 0;) {
    Descriptor descriptor_i = descriptors[i];
    descriptor_i.next = next;
    next = descriptor(channel, std::move(descriptor_i));
  }
  return next;
}

aie::Channel& StepBuilder::channel(const ChannelId& id) {
  auto& channels = tile(id.tile).channels;
  const auto it = std::find_if(channels.begin(), channels.end(), [&](const aie::Channel& c) {
    return c.direction == id.direction && c.index == id.index;
  });
  if (it != channels.end()) return *it;
  const aie::TileLimits& limit = limits(id.tile.kind);
  const int have = id.direction == Direction::mm2s ? limit.mm2s_channels : limit.s2mm_channels;
  if (id.index >= have) full(id.tile, "DMA channels of a direction", have);
  aie::Channel& added = channels.emplace_back();
  added.direction = id.direction;
  added.index = id.index;
  return added;
}

void StepBuilder::task(const ChannelId& id, std::int16_t descriptor, std::uint32_t repeat) {
  if (repeat > 0) channel(id).tasks.push_back({descriptor, repeat});
}

void StepBuilder::packets(const ChannelId& id, std::uint32_t count) {
  aie::Channel& receiver = channel(id);
  receiver.out_of_order = true;
  if (receiver.tasks.empty()) receiver.tasks.push_back({-1, 0});
  receiver.tasks.front().repeat += count;
}

/// Along the column first, then along the row; only shims and cores have ports to east and west.
std::vector<Port::Kind> StepBuilder::path(TileId from, TileId to) const {
  std::vector<Port::Kind> sides;
  const std::int64_t climb = grid_.level(to) - grid_.level(from);
  const int across = to.column - from.column;
  sides.insert(sides.end(), static_cast<std::size_t>(std::abs(climb)),
               climb > 0 ? Port::Kind::north : Port::Kind::south);
  sides.insert(from.kind == TileKind::shim ? sides.begin() : sides.end(),
               static_cast<std::size_t>(std::abs(across)),
               across > 0 ? Port::Kind::east : Port::Kind::west);
  return sides;
}

TileId StepBuilder::neighbour(TileId id, Port::Kind side) const {
  const std::optional<TileId> next = grid_.neighbour(id, side);
  WBS_ASSERT(next);  // paths stay inside the array
  return *next;
}

std::uint8_t StepBuilder::link(const Edge& edge, int group) {
  std::vector<int>& owners = links_[edge];
  const auto it = std::find(owners.begin(), owners.end(), group);
  if (it != owners.end()) return static_cast<std::uint8_t>(it - owners.begin());
  const int out = limits(edge.from.kind).masters[compass(edge.side)];
  const int in =
      limits(neighbour(edge.from, edge.side).kind).slaves[compass(aie::Grid::opposite(edge.side))];
  if (static_cast<int>(owners.size()) >= std::min(out, in)) {
    full(edge.from, "stream links in one direction", std::min(out, in));
  }
  owners.push_back(group);
  return static_cast<std::uint8_t>(owners.size() - 1);
}

void StepBuilder::connect(TileId id, Port slave, Port master, std::int16_t packet) {
  const aie::SwitchConnection connection{id, slave, master, packet};
  const auto& all = step_.connections;
  if (std::find(all.begin(), all.end(), connection) == all.end()) {
    step_.connections.push_back(connection);
  }
}

void StepBuilder::route(const ChannelId& source, std::span<const ChannelId> destinations,
                        std::int16_t packet, int group) {
  const int owner = group >= 0 ? group : new_group();
  for (const ChannelId& destination : destinations) {
    if (!routes_.emplace(source, destination, packet).second) continue;
    TileId at = source.tile;
    Port slave{Port::Kind::dma, source.index};
    for (const Port::Kind side : path(source.tile, destination.tile)) {
      const std::uint8_t index = link({at, side}, owner);
      connect(at, slave, {side, index}, packet);
      at = neighbour(at, side);
      slave = {aie::Grid::opposite(side), index};
    }
    connect(at, slave, {Port::Kind::dma, destination.index}, packet);
  }
}

int StepBuilder::tree(const ChannelId& channel) {
  const auto [it, added] = trees_.try_emplace(channel, 0);
  if (added) it->second = new_group();
  return it->second;
}

std::int16_t StepBuilder::packet_route(const ChannelId& source,
                                       std::span<const ChannelId> destinations) {
  constexpr std::int64_t kPackets = 32;  // 5 bits of the header (AM020 chapter 2)
  auto& known = packet_ends_[source];
  const std::vector<ChannelId> wanted(destinations.begin(), destinations.end());
  const auto it = std::find(known.begin(), known.end(), wanted);
  const auto id = static_cast<std::int16_t>(it - known.begin());
  if (id >= kPackets) full(source.tile, "packet ids for one channel", kPackets);
  if (it == known.end()) known.push_back(wanted);
  route(source, destinations, id, tree(source));
  return id;
}

std::int16_t StepBuilder::merging_route(const ChannelId& source, const ChannelId& destination) {
  constexpr std::int16_t kId = 0;  // the receiver does not look at it
  route(source, std::span(&destination, 1), kId, tree(destination));
  return kId;
}

aie::Step StepBuilder::take() {
  std::sort(step_.tiles.begin(), step_.tiles.end(),
            [](const aie::TileProgram& a, const aie::TileProgram& b) { return a.tile < b.tile; });
  return std::move(step_);
}

}  // namespace wbs::compiler
