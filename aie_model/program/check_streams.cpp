// Ports of the stream switches, and the ways through them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "aie_model/program/check_rules.hpp"

namespace wbs::aie::rules {
namespace {

std::string name_of(Port port) {
  constexpr std::array kSides{"dma", "north", "south", "east", "west"};
  return fmt::format("{} {}", kSides.at(static_cast<std::size_t>(port.kind)), port.index);
}

std::int32_t ports_of(const TileLimits& limits, Port::Kind kind, bool master) {
  if (kind == Port::Kind::dma) return master ? limits.s2mm_channels : limits.mm2s_channels;
  const auto side = static_cast<std::size_t>(kind) - 1;
  return master ? limits.masters.at(side) : limits.slaves.at(side);
}

void port(const StepFacts& facts, Report& report) {
  for (const SwitchConnection* connection : facts.connections) {
    const TileLimits& limits = limits_of(*facts.device, connection->tile.kind);
    for (const bool master : {false, true}) {
      const Port used = master ? connection->master : connection->slave;
      const std::int32_t have = ports_of(limits, used.kind, master);
      if (used.index < have) continue;
      report.add(connection->tile, fmt::format("{} uses {} port {}, there are {} of that side",
                                               to_string(connection->tile),
                                               master ? "master" : "slave", name_of(used), have));
    }
  }
}

void port_neighbour(const StepFacts& facts, Report& report) {
  for (const SwitchConnection* connection : facts.connections) {
    const TileLimits& limits = limits_of(*facts.device, connection->tile.kind);
    for (const bool master : {false, true}) {
      const Port used = master ? connection->master : connection->slave;
      if (used.kind == Port::Kind::dma || used.index >= ports_of(limits, used.kind, master)) {
        continue;
      }
      const auto next = facts.grid.neighbour(connection->tile, used.kind);
      if (!next) {
        report.add(connection->tile,
                   fmt::format("{} uses {} port {}, where the array of {} columns ends",
                               to_string(connection->tile), master ? "master" : "slave",
                               name_of(used), facts.grid.columns()));
        continue;
      }
      const std::int32_t have =
          ports_of(limits_of(*facts.device, next->kind), Grid::opposite(used.kind), !master);
      if (used.index < have) continue;
      report.add(connection->tile,
                 fmt::format("{} uses {} port {}, which {} has no port for: it has {}",
                             to_string(connection->tile), master ? "master" : "slave",
                             name_of(used), to_string(*next), have));
    }
  }
}

std::vector<const SwitchConnection*> by_master(const StepFacts& facts) {
  std::vector<const SwitchConnection*> sorted = facts.connections;
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    return std::tie(a->tile, a->master, a->slave, a->packet) <
           std::tie(b->tile, b->master, b->slave, b->packet);
  });
  return sorted;
}

/// Calls visit(connections) with the connections of each master port.
template <typename Visit>
void for_each_master(const StepFacts& facts, const Visit& visit) {
  const std::vector<const SwitchConnection*> sorted = by_master(facts);
  for (std::size_t first = 0; first < sorted.size();) {
    std::size_t last = first;
    while (last < sorted.size() && sorted[last]->tile == sorted[first]->tile &&
           sorted[last]->master == sorted[first]->master) {
      ++last;
    }
    visit(std::span(sorted).subspan(first, last - first));
    first = last;
  }
}

void master_mode(const StepFacts& facts, Report& report) {
  for_each_master(facts, [&](std::span<const SwitchConnection* const> connections) {
    const auto circuits = std::count_if(connections.begin(), connections.end(),
                                        [](const auto* c) { return c->packet < 0; });
    if (circuits == 0 || circuits == std::ssize(connections)) return;
    const SwitchConnection& first = *connections.front();
    report.add(first.tile,
               fmt::format("{} master port {} has {} connections for packets and {} for words "
                           "without, only one kind can be",
                           to_string(first.tile), name_of(first.master),
                           std::ssize(connections) - circuits, circuits));
  });
}

void master_source(const StepFacts& facts, Report& report) {
  for_each_master(facts, [&](std::span<const SwitchConnection* const> connections) {
    const bool packets = std::any_of(connections.begin(), connections.end(),
                                     [](const auto* c) { return c->packet >= 0; });
    const SwitchConnection& first = *connections.front();
    if (packets || connections.size() == 1) return;
    report.add(first.tile,
               fmt::format("{} master port {} has {} connections without packets, "
                           "at most 1 is possible",
                           to_string(first.tile), name_of(first.master), connections.size()));
  });
}

void stream_tree(const StepFacts& facts, Report& report) {
  for (const StepFacts::Loop& loop : facts.loops) {
    report.add(loop.tile, fmt::format("{} slave port {} is reached 2 times by one stream",
                                      to_string(loop.tile), name_of(loop.slave)));
  }
}

void stream_end(const StepFacts& facts, Report& report) {
  for (const Way& way : facts.ways) {
    if (!way.ends.empty()) continue;
    const TileProgram& sender = *facts.tiles[way.tile].program;
    const std::string packets =
        way.packet < 0 ? "what" : fmt::format("the packets with id {} that", way.packet);
    report.add(sender.tile, fmt::format("{} {} sends goes to 0 S2MM channels with tasks", packets,
                                        rules::name_of(sender.tile, sender.channels[way.channel])));
  }
}

void stream_source(const StepFacts& facts, Report& report) {
  std::vector<std::vector<bool>> reached;
  for (const TileFacts& tile : facts.tiles) {
    reached.emplace_back(tile.program->channels.size(), false);
  }
  for (const Way& way : facts.ways) {
    for (const Way::End& end : way.ends) reached[end.tile][end.channel] = true;
  }
  for (std::size_t t = 0; t < facts.tiles.size(); ++t) {
    const TileProgram& tile = *facts.tiles[t].program;
    for (std::size_t c = 0; c < tile.channels.size(); ++c) {
      const Channel& channel = tile.channels[c];
      if (channel.direction != Direction::s2mm || channel.tasks.empty() || reached[t][c]) continue;
      report.add(tile.tile, fmt::format("{} has {} tasks, but no MM2S channel sends to it",
                                        rules::name_of(tile.tile, channel), channel.tasks.size()));
    }
  }
}

void packet_target(const StepFacts& facts, Report& report) {
  for (const Way& way : facts.ways) {
    const TileFacts& sender = facts.tiles[way.tile];
    for (const Way::End& end : way.ends) {
      const TileProgram& receiver = *facts.tiles[end.tile].program;
      if (!receiver.channels[end.channel].out_of_order) continue;
      for (std::size_t d = 0; d < sender.user.size(); ++d) {
        const Descriptor& sent = sender.program->descriptors[d];
        if (sender.user[d] != static_cast<std::int32_t>(way.channel)) continue;
        if (std::max<std::int16_t>(sent.packet, -1) != way.packet) continue;
        if (sent.packet >= 0 && usable(receiver, sent.target)) continue;
        report.add(sender.program->tile,
                   fmt::format("{} asks {} for descriptor {} with packet id {}, expected an id and "
                               "one of its {} descriptors",
                               rules::name_of(sender.program->tile, d),
                               rules::name_of(receiver.tile, receiver.channels[end.channel]),
                               sent.target, sent.packet, receiver.descriptors.size()));
      }
    }
  }
}

/// Whether some of a channel's descriptors compress, and whether some do not.
struct Forms {
  bool compressed = false, plain = false;
  friend bool operator==(const Forms&, const Forms&) = default;
  void add(const Descriptor& descriptor) { (descriptor.compress ? compressed : plain) = true; }
};

/// Both ends of a stream compress, or none. What a shim sends from a buffer of weights may have
/// been compressed before.
void compression_ends(const StepFacts& facts, Report& report) {
  std::vector<std::vector<Forms>> sent;
  for (const TileFacts& tile : facts.tiles) sent.emplace_back(tile.program->channels.size());
  for (const Way& way : facts.ways) {
    const TileFacts& sender = facts.tiles[way.tile];
    Forms forms;
    for (std::size_t d = 0; d < sender.user.size(); ++d) {
      if (sender.user[d] != static_cast<std::int32_t>(way.channel)) continue;
      const Descriptor& descriptor = sender.program->descriptors[d];
      if (std::max<std::int16_t>(descriptor.packet, -1) != way.packet) continue;
      forms.add(descriptor);
      const bool ddr =
          descriptor.memory == MemoryOf::ddr && descriptor.ddr_buffer < facts.program->ddr.size();
      forms.compressed =
          forms.compressed ||
          (ddr && facts.program->ddr[descriptor.ddr_buffer].kind == DdrBuffer::Kind::weights);
    }
    for (const Way::End& end : way.ends) {
      Forms& all = sent[end.tile][end.channel];
      all = {all.compressed || forms.compressed, all.plain || forms.plain};
    }
  }
  for (std::size_t t = 0; t < facts.tiles.size(); ++t) {
    const TileFacts& tile = facts.tiles[t];
    std::vector<Forms> taken(sent[t].size());
    for (std::size_t d = 0; d < tile.user.size(); ++d) {
      if (tile.user[d] == TileFacts::kNobody) continue;
      taken[static_cast<std::size_t>(tile.user[d])].add(tile.program->descriptors[d]);
    }
    for (std::size_t c = 0; c < taken.size(); ++c) {
      const Forms& have = sent[t][c];
      const Channel& channel = tile.program->channels[c];
      // Nobody sends or takes: other rules say so. A shim's weights count as both.
      const bool idle = have == Forms{} || taken[c] == Forms{};
      if (idle || channel.direction == Direction::mm2s) continue;
      if ((have.compressed && have.plain) || taken[c] == have) continue;
      report.add(tile.program->tile,
                 fmt::format("{} takes {}, 0 of its senders send so",
                             rules::name_of(tile.program->tile, channel),
                             have.compressed ? "words as they are" : "compressed words"));
    }
  }
}

constexpr std::array kRules{
    Rule{.name = "port", .step = port},
    Rule{.name = "port neighbour", .step = port_neighbour},
    Rule{.name = "master mode", .step = master_mode},
    Rule{.name = "master source", .step = master_source},
    Rule{.name = "stream tree", .step = stream_tree},
    Rule{.name = "stream end", .step = stream_end},
    Rule{.name = "stream source", .step = stream_source},
    Rule{.name = "packet target", .step = packet_target},
    Rule{.name = "compression ends", .step = compression_ends},
};

}  // namespace

std::span<const Rule> stream_rules() {
  return kRules;
}

}  // namespace wbs::aie::rules
