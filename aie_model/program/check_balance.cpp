// What senders send and receivers take. Counts mean something only where nothing else is wrong.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "aie_model/program/check_rules.hpp"

namespace wbs::aie::rules {
namespace {

struct Amount {
  std::uint64_t words = 0, packets = 0;
};

/// How often the channels' tasks run each descriptor. Every chain is walked once.
std::vector<std::uint64_t> runs_of(const TileProgram& program) {
  std::vector<std::uint64_t> starts(program.descriptors.size(), 0), runs(starts);
  for (const Channel& channel : program.channels) {
    for (const Task& task : channel.tasks) {
      if (usable(program, task.descriptor)) {
        starts[static_cast<std::size_t>(task.descriptor)] += task.repeat;
      }
    }
  }
  for (std::size_t first = 0; first < starts.size(); ++first) {
    if (starts[first] == 0) continue;
    std::size_t length = 0;
    for (auto d = static_cast<std::int32_t>(first); usable(program, d) && length < starts.size();
         ++length) {
      runs[static_cast<std::size_t>(d)] += starts[first];
      d = program.descriptors[static_cast<std::size_t>(d)].next;
    }
  }
  return runs;
}

/// Stream words of so many runs.
std::uint64_t words_of(const Descriptor& descriptor, std::uint64_t runs) {
  const std::uint64_t period = descriptor.compress ? descriptor.sizes.size() : 0;
  if (period == 0) return runs * stream_words(descriptor, 0);
  std::uint64_t words = 0;
  for (std::uint64_t i = 0; i < period; ++i) {
    words += descriptor.sizes[i] * (runs / period + (i < runs % period ? 1 : 0));
  }
  return words;
}

/// What the channel itself moves: all of it, or its packets with one id.
Amount moved(const TileFacts& tile, const std::vector<std::uint64_t>& runs, std::uint32_t channel,
             const Way* way) {
  Amount amount;
  for (std::size_t d = 0; d < runs.size(); ++d) {
    const Descriptor& descriptor = tile.program->descriptors[d];
    if (tile.user[d] != static_cast<std::int32_t>(channel)) continue;
    if (way != nullptr && std::max<std::int16_t>(descriptor.packet, -1) != way->packet) continue;
    amount.words += words_of(descriptor, runs[d]);
    amount.packets += runs[d];
  }
  return amount;
}

void stream_balance(const StepFacts& facts, Report& report) {
  std::vector<std::vector<std::uint64_t>> runs;
  std::vector<std::vector<Amount>> sent;
  for (const TileFacts& tile : facts.tiles) {
    runs.push_back(runs_of(*tile.program));
    sent.emplace_back(tile.program->channels.size());
  }
  for (const Way& way : facts.ways) {
    const Amount amount = moved(facts.tiles[way.tile], runs[way.tile], way.channel, &way);
    for (const Way::End& end : way.ends) {
      sent[end.tile][end.channel].words += amount.words;
      sent[end.tile][end.channel].packets += amount.packets;
    }
  }
  for (std::size_t t = 0; t < facts.tiles.size(); ++t) {
    const TileProgram& tile = *facts.tiles[t].program;
    for (std::uint32_t c = 0; c < tile.channels.size(); ++c) {
      const Channel& channel = tile.channels[c];
      if (channel.direction != Direction::s2mm || channel.tasks.empty()) continue;
      const bool packets = channel.out_of_order;
      std::uint64_t taken = 0;
      for (const Task& task : channel.tasks) taken += task.repeat;
      if (!packets) taken = moved(facts.tiles[t], runs[t], c, nullptr).words;
      const std::uint64_t came = packets ? sent[t][c].packets : sent[t][c].words;
      if (came == taken) continue;
      report.add(tile.tile,
                 fmt::format("{} takes {} {}, {} are sent to it", name_of(tile.tile, channel),
                             taken, packets ? "packets" : "words", came));
    }
  }
}

void packet_length(const StepFacts& facts, Report& report) {
  for (const Way& way : facts.ways) {
    const TileFacts& sender = facts.tiles[way.tile];
    for (const Way::End& end : way.ends) {
      const TileProgram& receiver = *facts.tiles[end.tile].program;
      if (!receiver.channels[end.channel].out_of_order) continue;
      for (std::size_t d = 0; d < sender.user.size(); ++d) {
        const Descriptor& packet = sender.program->descriptors[d];
        if (sender.user[d] != static_cast<std::int32_t>(way.channel)) continue;
        if (packet.packet != way.packet || !usable(receiver, packet.target)) continue;
        const auto target = static_cast<std::size_t>(packet.target);
        const std::uint32_t room = receiver.descriptors[target].words;
        if (stream_words(packet) == room) continue;
        report.add(sender.program->tile,
                   fmt::format("{} sends packets of {} words to {}, which takes {}",
                               name_of(sender.program->tile, d), stream_words(packet),
                               name_of(receiver.tile, target), room));
      }
    }
  }
}

constexpr std::array kRules{
    Rule{.name = "stream balance", .step = stream_balance},
    Rule{.name = "packet length", .step = packet_length},
};

}  // namespace

std::span<const Rule> balance_rules() {
  return kRules;
}

}  // namespace wbs::aie::rules
