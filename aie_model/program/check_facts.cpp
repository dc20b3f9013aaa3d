// What a step's rules share: who runs which descriptor, and where the streams lead.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "aie_model/program/check_rules.hpp"

namespace wbs::aie::rules {
namespace {

constexpr std::uint32_t kNone = 0xffffffff;

void use(TileFacts& tile, std::int32_t descriptor, std::uint32_t channel) {
  std::int32_t& user = tile.user[static_cast<std::size_t>(descriptor)];
  const auto position = static_cast<std::int32_t>(channel);
  if (user == TileFacts::kNobody) {
    user = position;
  } else if (user != position) {
    tile.shared.push_back(
        {static_cast<std::int16_t>(descriptor), static_cast<std::uint32_t>(user), channel});
  }
}

/// Marks the descriptors of the channels' chains. A chain that was marked before is not followed
/// again, so that many tasks of one chain cost nothing.
void use_chains(TileFacts& tile) {
  const TileProgram& program = *tile.program;
  tile.user.assign(program.descriptors.size(), TileFacts::kNobody);
  for (std::uint32_t c = 0; c < program.channels.size(); ++c) {
    if (program.channels[c].out_of_order) continue;
    for (const Task& task : program.channels[c].tasks) {
      for (std::int32_t d = task.descriptor; usable(program, d);) {
        const std::int32_t before = tile.user[static_cast<std::size_t>(d)];
        use(tile, d, c);
        if (before != TileFacts::kNobody) break;
        d = program.descriptors[static_cast<std::size_t>(d)].next;
      }
    }
  }
}

std::uint64_t key_of(const Grid& grid, TileId tile, Port port) {
  return (std::uint64_t{grid.index(tile)} * 8 + static_cast<std::uint64_t>(port.kind)) << 8U |
         port.index;
}

/// Follows streams through the switches of a step.
class Walker {
 public:
  explicit Walker(StepFacts& facts) : facts_(facts), position_(facts.grid.tiles(), kNone) {
    for (std::uint32_t t = 0; t < facts.tiles.size(); ++t) {
      position_[facts.grid.index(facts.tiles[t].program->tile)] = t;
    }
    keys_.reserve(facts.connections.size());
    for (const SwitchConnection* connection : facts.connections) {
      keys_.push_back(key_of(facts.grid, connection->tile, connection->slave));
    }
    last_walk_.assign(keys_.size(), 0);
  }

  void walk_all() {
    for (std::uint32_t t = 0; t < facts_.tiles.size(); ++t) {
      const TileProgram& program = *facts_.tiles[t].program;
      for (std::uint32_t c = 0; c < program.channels.size(); ++c) {
        const Channel& channel = program.channels[c];
        if (channel.direction != Direction::mm2s || channel.tasks.empty()) continue;
        for (const std::int16_t packet : packets_of(facts_.tiles[t], c)) {
          Way way{.tile = t, .channel = c, .packet = packet, .ends = {}};
          begin(packet);
          visit(program.tile, {Port::Kind::dma, channel.index}, &way);
          facts_.ways.push_back(std::move(way));
        }
      }
    }
    walk_the_rest();
  }

 private:
  /// The ids of the packets that a channel sends; -1 for words without.
  static std::set<std::int16_t> packets_of(const TileFacts& tile, std::uint32_t channel) {
    std::set<std::int16_t> packets;
    for (std::size_t d = 0; d < tile.user.size(); ++d) {
      if (tile.user[d] != static_cast<std::int32_t>(channel)) continue;
      packets.insert(std::max<std::int16_t>(tile.program->descriptors[d].packet, -1));
    }
    for (const TileFacts::Shared& shared : tile.shared) {
      if (shared.second != channel) continue;
      const auto d = static_cast<std::size_t>(shared.descriptor);
      packets.insert(std::max<std::int16_t>(tile.program->descriptors[d].packet, -1));
    }
    return packets;
  }

  /// Loops that no channel feeds.
  void walk_the_rest() {
    for (std::size_t i = 0; i < facts_.connections.size(); ++i) {
      const SwitchConnection& connection = *facts_.connections[i];
      if (connection.slave.kind == Port::Kind::dma || walked(i)) continue;
      begin(connection.packet);
      visit(connection.tile, connection.slave, nullptr);
    }
  }

  [[nodiscard]] bool walked(std::size_t connection) const {
    const auto first = std::lower_bound(keys_.begin(), keys_.end(), keys_[connection]);
    return last_walk_[static_cast<std::size_t>(first - keys_.begin())] != 0;
  }

  void begin(std::int16_t packet) {
    packet_ = packet;
    ++walk_;
    reported_ = false;
  }

  void visit(TileId tile, Port slave, Way* way) {
    const std::uint64_t wanted = key_of(facts_.grid, tile, slave);
    auto at = static_cast<std::size_t>(std::lower_bound(keys_.begin(), keys_.end(), wanted) -
                                       keys_.begin());
    if (at == keys_.size() || keys_[at] != wanted) return;
    if (last_walk_[at] == walk_) {
      if (!reported_) facts_.loops.push_back({tile, slave});
      reported_ = true;
      return;
    }
    last_walk_[at] = walk_;
    for (; at < keys_.size() && keys_[at] == wanted; ++at) {
      const SwitchConnection& connection = *facts_.connections[at];
      if (connection.packet >= 0 && connection.packet != packet_) continue;
      if (connection.master.kind == Port::Kind::dma) {
        if (way != nullptr) arrive(tile, connection.master.index, *way);
        continue;
      }
      const auto next = facts_.grid.neighbour(tile, connection.master.kind);
      if (!next) continue;
      visit(*next, {Grid::opposite(connection.master.kind), connection.master.index}, way);
    }
  }

  void arrive(TileId tile, std::uint8_t index, Way& way) const {
    const std::uint32_t position = position_[facts_.grid.index(tile)];
    if (position == kNone) return;
    const TileProgram& program = *facts_.tiles[position].program;
    for (std::uint32_t c = 0; c < program.channels.size(); ++c) {
      const Channel& channel = program.channels[c];
      if (channel.direction != Direction::s2mm || channel.index != index) continue;
      if (!channel.tasks.empty()) way.ends.push_back({position, c});
    }
  }

  StepFacts& facts_;
  std::vector<std::uint32_t> position_;  ///< in StepFacts::tiles, by number in the grid
  std::vector<std::uint64_t> keys_;      ///< of the slaves of StepFacts::connections
  std::int16_t packet_ = -1;
  bool reported_ = false;
  std::uint32_t walk_ = 0;
  std::vector<std::uint32_t> last_walk_;  ///< that came to a slave, by its first connection
};

/// Marks the descriptors that packets ask for.
void use_targets(StepFacts& facts) {
  for (const Way& way : facts.ways) {
    const TileFacts& sender = facts.tiles[way.tile];
    for (const Way::End& end : way.ends) {
      TileFacts& receiver = facts.tiles[end.tile];
      if (!receiver.program->channels[end.channel].out_of_order) continue;
      for (std::size_t d = 0; d < sender.user.size(); ++d) {
        const Descriptor& sent = sender.program->descriptors[d];
        if (sender.user[d] != static_cast<std::int32_t>(way.channel)) continue;
        if (sent.packet != way.packet || !usable(*receiver.program, sent.target)) continue;
        use(receiver, sent.target, end.channel);
      }
    }
  }
}

}  // namespace

const TileLimits& limits_of(const Device& device, TileKind kind) {
  if (kind == TileKind::shim) return device.silicon.shim;
  return kind == TileKind::memtile ? device.silicon.memtile : device.silicon.core;
}

bool usable(const TileProgram& program, std::int32_t descriptor) {
  const auto id = static_cast<std::size_t>(descriptor);
  return descriptor >= 0 && id < program.descriptors.size() && program.descriptors[id].words > 0;
}

std::string name_of(TileId tile, const Channel& channel) {
  return fmt::format("{} {} {}", to_string(tile),
                     channel.direction == Direction::mm2s ? "MM2S" : "S2MM", channel.index);
}

std::string name_of(TileId tile, std::size_t descriptor) {
  return fmt::format("{} descriptor {}", to_string(tile), descriptor);
}

StepFacts facts_of(const Program& program, const Device& device, std::uint32_t index) {
  StepFacts facts{.program = &program,
                  .device = &device,
                  .grid = Grid(device),
                  .step = &program.steps[index],
                  .index = index,
                  .tiles = {},
                  .connections = {},
                  .ways = {},
                  .loops = {}};
  std::vector<bool> seen(facts.grid.tiles(), false);
  for (const TileProgram& tile : facts.step->tiles) {
    if (!facts.grid.contains(tile.tile) || seen[facts.grid.index(tile.tile)]) continue;
    seen[facts.grid.index(tile.tile)] = true;
    TileFacts& added = facts.tiles.emplace_back();
    added.program = &tile;
    added.limits = &limits_of(device, tile.tile.kind);
    use_chains(added);
  }
  for (const SwitchConnection& connection : facts.step->connections) {
    if (facts.grid.contains(connection.tile)) facts.connections.push_back(&connection);
  }
  std::stable_sort(facts.connections.begin(), facts.connections.end(),
                   [&](const SwitchConnection* a, const SwitchConnection* b) {
                     return key_of(facts.grid, a->tile, a->slave) <
                            key_of(facts.grid, b->tile, b->slave);
                   });
  Walker(facts).walk_all();
  use_targets(facts);
  return facts;
}

}  // namespace wbs::aie::rules
