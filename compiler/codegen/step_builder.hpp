// Fills one step of a program: hands out descriptors, locks, channels and stream switch ports.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/program/grid.hpp"
#include "aie_model/program/program.hpp"

namespace wbs::compiler {

/// A DMA channel of a tile.
struct ChannelId {
  aie::TileId tile;
  aie::Direction direction = aie::Direction::mm2s;
  std::uint8_t index = 0;
  friend auto operator<=>(const ChannelId&, const ChannelId&) = default;
};

/// Collects what the tiles do in one step. Every function throws Error(unsupported) naming tile
/// and limit when the hardware has no more of what is asked for.
class StepBuilder {
 public:
  StepBuilder(const aie::Device& device, std::string name, std::uint32_t layer);

  [[nodiscard]] aie::TileProgram& tile(aie::TileId id);

  /// A lock of the tile with that value at the start of the step.
  [[nodiscard]] std::int16_t lock(aie::TileId id, std::int16_t initial);

  /// Adds a descriptor that the channel may use; returns its id.
  [[nodiscard]] std::int16_t descriptor(const ChannelId& channel, aie::Descriptor descriptor);
  /// Adds descriptors that run one after the other; returns the id of the first.
  [[nodiscard]] std::int16_t chain(const ChannelId& channel,
                                   std::span<const aie::Descriptor> descriptors);
  void task(const ChannelId& channel, std::int16_t descriptor, std::uint32_t repeat = 1);
  /// The S2MM channel takes that many more packets, which name their descriptors.
  void packets(const ChannelId& channel, std::uint32_t count);

  /// Connects an MM2S channel to S2MM channels, for packets of that id or (-1) for everything.
  /// Routes of one `group` may share ports (packets only); a route of its own has group -1. A route
  /// that is already there is not made again.
  void route(const ChannelId& source, std::span<const ChannelId> destinations,
             std::int16_t packet = -1, int group = -1);
  [[nodiscard]] int new_group() { return ++groups_; }

  /// Connects a channel that has several receivers, or sets of them, in turn; returns the id of the
  /// packets that reach `destinations`, the same for the same ones.
  [[nodiscard]] std::int16_t packet_route(const ChannelId& source,
                                          std::span<const ChannelId> destinations);
  /// Connects one of several channels that send packets to a receiver; returns their id.
  [[nodiscard]] std::int16_t merging_route(const ChannelId& source, const ChannelId& destination);

  [[nodiscard]] aie::Step take();

 private:
  struct Edge {
    aie::TileId from;
    aie::Port::Kind side;
    friend auto operator<=>(const Edge&, const Edge&) = default;
  };
  [[nodiscard]] std::uint8_t link(const Edge& edge, int group);
  [[nodiscard]] aie::TileId neighbour(aie::TileId id, aie::Port::Kind side) const;
  [[nodiscard]] std::vector<aie::Port::Kind> path(aie::TileId from, aie::TileId to) const;
  [[nodiscard]] const aie::TileLimits& limits(aie::TileKind kind) const;
  aie::Channel& channel(const ChannelId& id);
  int tree(const ChannelId& channel);
  void connect(aie::TileId id, aie::Port slave, aie::Port master, std::int16_t packet);

  const aie::Device* device_;
  aie::Grid grid_;
  aie::Step step_;
  std::map<aie::TileId, std::size_t> tiles_;
  std::map<aie::TileId, std::pair<int, int>> used_descriptors_;  ///< by half, Memtiles
  std::set<std::tuple<ChannelId, ChannelId, std::int16_t>> routes_;
  std::map<Edge, std::vector<int>> links_;  ///< owner group of each link
  std::map<ChannelId, int> trees_;          ///< group of all routes from or to a channel
  /// Receivers of each packet id of a channel.
  std::map<ChannelId, std::vector<std::vector<ChannelId>>> packet_ends_;
  int groups_ = 0;
};

}  // namespace wbs::compiler
