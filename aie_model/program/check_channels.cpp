// Channels, their tasks, chains of descriptors, packets and locks.
#include <fmt/format.h>

#include <array>

#include "aie_model/program/check_rules.hpp"

namespace wbs::aie::rules {
namespace {

constexpr std::int32_t kMaxPacket = 31;  // 5 bits of the header (AM020 chapter 2)

std::int32_t channels_of(const TileLimits& limits, Direction direction) {
  return direction == Direction::mm2s ? limits.mm2s_channels : limits.s2mm_channels;
}

void channel_index(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for (const Channel& channel : tile.program->channels) {
    const std::int32_t limit = channels_of(*tile.limits, channel.direction);
    if (channel.index < limit) continue;
    report.add(id, fmt::format("{} has a channel index beyond the {} channels of its direction",
                               name_of(id, channel), limit));
  }
}

void channel_once(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  std::array<std::array<bool, 256>, 2> seen{};
  for (const Channel& channel : tile.program->channels) {
    bool& taken = seen.at(static_cast<std::size_t>(channel.direction)).at(channel.index);
    if (taken) {
      report.add(id, fmt::format("{} is programmed twice in one step", name_of(id, channel)));
    }
    taken = true;
  }
}

void task_descriptor(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for (const Channel& channel : tile.program->channels) {
    for (const Task& task : channel.tasks) {
      if (task.repeat == 0) {
        report.add(id, fmt::format("{} has a task of 0 rounds", name_of(id, channel)));
      }
      if (channel.out_of_order && task.descriptor != -1) {
        report.add(id, fmt::format("{} is out of order, but a task names descriptor {}",
                                   name_of(id, channel), task.descriptor));
      }
      if (!channel.out_of_order && !usable(*tile.program, task.descriptor)) {
        report.add(id, fmt::format("{} has a task for descriptor {}, which is not among the {} "
                                   "descriptors or moves 0 words",
                                   name_of(id, channel), task.descriptor,
                                   tile.program->descriptors.size()));
      }
    }
  }
}

void out_of_order(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for (const Channel& channel : tile.program->channels) {
    if (!channel.out_of_order || channel.direction == Direction::s2mm) continue;
    report.add(id, fmt::format("{} is out of order, which only S2MM channels can be",
                               name_of(id, channel)));
  }
}

void chain_link(const StepFacts&, const TileFacts& tile, Report& report) {
  const auto& descriptors = tile.program->descriptors;
  for (std::size_t d = 0; d < descriptors.size(); ++d) {
    const std::int32_t next = descriptors[d].next;
    if (descriptors[d].words == 0 || next == -1 || usable(*tile.program, next)) continue;
    report.add(tile.program->tile,
               fmt::format("{} is followed by descriptor {}, which is not among the {} descriptors "
                           "or moves 0 words",
                           name_of(tile.program->tile, d), next, descriptors.size()));
  }
}

/// Walks every chain once: a descriptor is new, on the current walk, or known to end.
void chain_ends(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileProgram& program = *tile.program;
  std::vector<std::size_t> walk_of(program.descriptors.size(), 0);
  for (std::size_t first = 0; first < program.descriptors.size(); ++first) {
    auto d = static_cast<std::int32_t>(first);
    while (usable(program, d)) {
      std::size_t& walk = walk_of[static_cast<std::size_t>(d)];
      if (walk == first + 1) {
        report.add(program.tile, fmt::format("{} is in a chain that never ends",
                                             name_of(program.tile, static_cast<std::size_t>(d))));
      }
      if (walk != 0) break;
      walk = first + 1;
      d = program.descriptors[static_cast<std::size_t>(d)].next;
    }
  }
}

void descriptor_shared(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for (const TileFacts::Shared& shared : tile.shared) {
    report.add(id, fmt::format("{} is run by 2 channels, {} and {}",
                               name_of(id, static_cast<std::size_t>(shared.descriptor)),
                               name_of(id, tile.program->channels[shared.first]),
                               name_of(id, tile.program->channels[shared.second])));
  }
}

void packet_id(const StepFacts& facts, Report& report) {
  for (const TileFacts& tile : facts.tiles) {
    const auto& descriptors = tile.program->descriptors;
    for (std::size_t d = 0; d < descriptors.size(); ++d) {
      if (descriptors[d].words == 0 || descriptors[d].packet <= kMaxPacket) continue;
      report.add(tile.program->tile,
                 fmt::format("{} sends packets with id {}, expected 0 to {}",
                             name_of(tile.program->tile, d), descriptors[d].packet, kMaxPacket));
    }
  }
  for (const SwitchConnection* connection : facts.connections) {
    if (connection->packet <= kMaxPacket) continue;
    report.add(connection->tile,
               fmt::format("{} has a connection for packets with id {}, expected 0 to {}",
                           to_string(connection->tile), connection->packet, kMaxPacket));
  }
}

void lock_range(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  const std::int32_t locks = tile.limits->locks;
  if (static_cast<std::int64_t>(tile.program->locks.size()) > locks) {
    report.add(id, fmt::format("{} sets {} locks, it has {}", to_string(id),
                               tile.program->locks.size(), locks));
  }
  const auto check_use = [&](const LockUse& use, const auto& name) {
    if (use.lock < locks) return;
    report.add(id, fmt::format("{} uses lock {}, the tile has {}", name(), use.lock, locks));
  };
  for (std::size_t d = 0; d < tile.program->descriptors.size(); ++d) {
    const Descriptor& descriptor = tile.program->descriptors[d];
    if (descriptor.words == 0) continue;
    check_use(descriptor.acquire, [&] { return name_of(id, d); });
    check_use(descriptor.release, [&] { return name_of(id, d); });
  }
  for (std::size_t i = 0; i < tile.program->code.size(); ++i) {
    check_use(tile.program->code[i].lock,
              [&] { return fmt::format("{} instruction {}", to_string(id), i); });
  }
}

void lock_value(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  const std::int32_t most = tile.limits->max_lock;
  const auto check_value = [&](std::int32_t lock, std::int32_t value, const auto& name) {
    if (lock < 0 || (value >= 0 && value <= most)) return;
    report.add(id, fmt::format("{} gives lock {} the value {}, expected 0 to {}", name(), lock,
                               value, most));
  };
  for (std::size_t i = 0; i < tile.program->locks.size(); ++i) {
    check_value(static_cast<std::int32_t>(i), tile.program->locks[i],
                [&] { return to_string(id); });
  }
  for (std::size_t d = 0; d < tile.program->descriptors.size(); ++d) {
    const Descriptor& descriptor = tile.program->descriptors[d];
    if (descriptor.words == 0) continue;
    for (const LockUse& use : {descriptor.acquire, descriptor.release}) {
      check_value(use.lock, use.value, [&] { return name_of(id, d); });
    }
  }
  for (std::size_t i = 0; i < tile.program->code.size(); ++i) {
    const LockUse& use = tile.program->code[i].lock;
    check_value(use.lock, use.value,
                [&] { return fmt::format("{} instruction {}", to_string(id), i); });
  }
}

constexpr std::array kRules{
    Rule{.name = "channel index", .tile = channel_index},
    Rule{.name = "channel once", .tile = channel_once},
    Rule{.name = "task descriptor", .tile = task_descriptor},
    Rule{.name = "out of order", .tile = out_of_order},
    Rule{.name = "chain link", .tile = chain_link},
    Rule{.name = "chain ends", .tile = chain_ends},
    Rule{.name = "descriptor shared", .tile = descriptor_shared},
    Rule{.name = "packet id", .step = packet_id},
    Rule{.name = "lock range", .tile = lock_range},
    Rule{.name = "lock value", .tile = lock_value},
};

}  // namespace

std::span<const Rule> channel_rules() {
  return kRules;
}

}  // namespace wbs::aie::rules
