#include "aie_model/machine/routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

namespace wbs::aie {
namespace {

constexpr std::uint32_t kMaxSwitches = 4096;  // no way through a grid is longer without a loop

std::string port_name(TileId tile, Port port) {
  constexpr std::array<const char*, 5> kSides{"dma", "north", "south", "east", "west"};
  return fmt::format("{} port {} {}", to_string(tile), kSides[static_cast<std::size_t>(port.kind)],
                     port.index);
}

}  // namespace

Routes::Routes(const Step& step, const Grid& grid) : grid_(grid) {
  links_.reserve(step.connections.size());
  for (const SwitchConnection& connection : step.connections) {
    links_.push_back({.slave = key(connection.tile, connection.slave), .connection = &connection});
  }
  std::stable_sort(links_.begin(), links_.end(),
                   [](const Link& a, const Link& b) { return a.slave < b.slave; });
  add_sources();
  std::vector<Walk> walks;
  walks.reserve(routes_.size());
  std::size_t index = 0;
  for (const Link& link : links_) {  // the order in which add_sources made the routes
    if (link.connection->slave.kind != Port::Kind::dma) continue;
    while (index < routes_.size() && routes_[index].tile == grid_.index(link.connection->tile) &&
           routes_[index].channel == link.connection->slave.index) {
      Route& route = routes_[index++];
      walks.push_back({.route = &route, .masters = {}});
      follow(walks.back(), link.connection->tile, link.connection->slave, 1);
      if (route.ends.empty() && route.defect.empty()) {
        route.defect = "leads to no DMA channel";
      }
    }
  }
  check_circuits(step, walks);
  find_shared_ports(walks);
}

std::uint64_t Routes::key(TileId tile, Port port) const {
  return (std::uint64_t{grid_.index(tile)} * 8 + static_cast<std::uint64_t>(port.kind)) << 8U |
         port.index;
}

void Routes::add_sources() {
  for (std::size_t first = 0; first < links_.size();) {
    std::size_t last = first;
    std::set<std::int16_t> packets;
    for (; last < links_.size() && links_[last].slave == links_[first].slave; ++last) {
      packets.insert(std::max<std::int16_t>(links_[last].connection->packet, -1));
    }
    const SwitchConnection& connection = *links_[first].connection;
    first = last;
    if (connection.slave.kind != Port::Kind::dma) continue;
    for (const std::int16_t packet : packets) {
      Route route;
      route.tile = grid_.index(connection.tile);
      route.channel = connection.slave.index;
      route.packet = packet;
      routes_.push_back(std::move(route));
    }
  }
}

void Routes::follow(Walk& walk, TileId tile, Port slave, std::uint32_t switches) const {
  Route& route = *walk.route;
  if (switches > kMaxSwitches) {
    route.defect = fmt::format("loops through {}", port_name(tile, slave));
    return;
  }
  const std::uint64_t wanted = key(tile, slave);
  auto link = std::lower_bound(links_.begin(), links_.end(), wanted,
                               [](const Link& a, std::uint64_t b) { return a.slave < b; });
  bool found = false;
  for (; link != links_.end() && link->slave == wanted && route.defect.empty(); ++link) {
    const SwitchConnection& connection = *link->connection;
    if (connection.packet >= 0 && connection.packet != route.packet) continue;
    found = true;
    arrive(walk, connection, switches);
  }
  if (!found && route.defect.empty()) {
    route.defect = fmt::format("ends at {}, which forwards to nowhere", port_name(tile, slave));
  }
}

void Routes::arrive(Walk& walk, const SwitchConnection& connection, std::uint32_t switches) const {
  Route& route = *walk.route;
  const std::uint64_t master = key(connection.tile, connection.master);
  if (std::find(walk.masters.begin(), walk.masters.end(), master) != walk.masters.end()) {
    route.defect = fmt::format("meets itself at {}", port_name(connection.tile, connection.master));
    return;
  }
  walk.masters.push_back(master);
  if (connection.master.kind == Port::Kind::dma) {
    route.ends.push_back({.tile = grid_.index(connection.tile),
                          .channel = connection.master.index,
                          .switches = switches});
    return;
  }
  const auto next = grid_.neighbour(connection.tile, connection.master.kind);
  if (!next) {
    route.defect =
        fmt::format("leaves the array at {}", port_name(connection.tile, connection.master));
    return;
  }
  const Port slave{.kind = Grid::opposite(connection.master.kind),
                   .index = connection.master.index};
  ++route.links;
  follow(walk, *next, slave, switches + 1);
}

void Routes::check_circuits(const Step& step, const std::vector<Walk>& walks) {
  struct Use {
    std::uint64_t slave = 0;
    bool circuit = false;
    bool several = false;
  };
  std::unordered_map<std::uint64_t, Use> masters;
  for (const SwitchConnection& connection : step.connections) {
    const std::uint64_t slave = key(connection.tile, connection.slave);
    const auto [use, fresh] = masters.try_emplace(key(connection.tile, connection.master));
    if (fresh) use->second.slave = slave;
    use->second.several = use->second.several || use->second.slave != slave;
    use->second.circuit = use->second.circuit || connection.packet < 0;
  }
  for (const Walk& walk : walks) {
    for (const std::uint64_t master : walk.masters) {
      const Use& use = masters.at(master);
      if (use.several && use.circuit && walk.route->defect.empty()) {
        walk.route->defect = "takes a master port that another slave port shares without packets";
      }
    }
  }
}

void Routes::find_shared_ports(const std::vector<Walk>& walks) {
  struct Use {
    std::uint32_t tile = 0;
    std::uint8_t channel = 0;
    std::uint32_t number = 0;
    bool shared = false;
  };
  std::unordered_map<std::uint64_t, Use> ports;
  for (const Walk& walk : walks) {
    const Route& route = *walk.route;
    for (const std::uint64_t master : walk.masters) {
      const auto [use, fresh] = ports.try_emplace(master);
      if (fresh) {
        use->second = {.tile = route.tile, .channel = route.channel};
      } else if (!use->second.shared &&
                 (use->second.tile != route.tile || use->second.channel != route.channel)) {
        use->second.shared = true;
        use->second.number = shared_ports_++;
      }
    }
  }
  if (shared_ports_ == 0) return;
  for (const Walk& walk : walks) {
    for (const std::uint64_t master : walk.masters) {
      const Use& use = ports.at(master);
      if (use.shared) walk.route->shared_ports.push_back(use.number);
    }
  }
}

}  // namespace wbs::aie
