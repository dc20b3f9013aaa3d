// The way of each stream through the switches, resolved once per step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aie_model/program/grid.hpp"
#include "aie_model/program/program.hpp"

namespace wbs::aie {

/// A DMA port at the end of a route.
struct RouteEnd {
  std::uint32_t tile = 0;      ///< number in the grid
  std::uint8_t channel = 0;    ///< S2MM
  std::uint32_t switches = 0;  ///< passed, its own included
  friend bool operator==(const RouteEnd&, const RouteEnd&) = default;
};

/// Where the words of one MM2S channel go, or those of its packets with one id.
struct Route {
  std::uint32_t tile = 0;
  std::uint8_t channel = 0;  ///< MM2S
  std::int16_t packet = -1;  ///< -1: words that are no packets
  std::vector<RouteEnd> ends;
  std::uint32_t links = 0;                  ///< between tiles, all branches
  std::vector<std::uint32_t> shared_ports;  ///< numbers of master ports used by other channels too
  std::string defect;                       ///< why no stream can take it; empty when one can
};

/// All routes of a step, ordered by tile, channel and packet.
class Routes {
 public:
  Routes(const Step& step, const Grid& grid);

  [[nodiscard]] const std::vector<Route>& all() const { return routes_; }
  [[nodiscard]] std::uint32_t shared_ports() const { return shared_ports_; }

 private:
  struct Link {
    std::uint64_t slave = 0;
    const SwitchConnection* connection = nullptr;
  };
  struct Walk {
    Route* route = nullptr;
    std::vector<std::uint64_t> masters;
  };

  void add_sources();
  void follow(Walk& walk, TileId tile, Port slave, std::uint32_t switches) const;
  void arrive(Walk& walk, const SwitchConnection& connection, std::uint32_t switches) const;
  void find_shared_ports(const std::vector<Walk>& walks);
  void check_circuits(const Step& step, const std::vector<Walk>& walks);
  [[nodiscard]] std::uint64_t key(TileId tile, Port port) const;

  const Grid& grid_;
  std::vector<Link> links_;  // by slave port
  std::vector<Route> routes_;
  std::uint32_t shared_ports_ = 0;
};

}  // namespace wbs::aie
