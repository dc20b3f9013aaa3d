// What an event-driven run says about a program: time, bounds and traffic by layer.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/machine/machine.hpp"
#include "aie_model/program/program.hpp"
#include "aie_model/roofline/energy.hpp"
#include "aie_model/roofline/roofline.hpp"

namespace wbs::apps {

/// The steps of a layer together. Steps that load for later layers count for the layer that
/// computes in them.
struct EventLayer {
  std::string name, operation;
  std::int64_t steps = 0;
  std::uint64_t begin = 0, cycles = 0;  ///< begin: of the layer's first step
  std::string bound;                    ///< as StepTime::bound(), of the sums
  aie::StepTime busy;                   ///< sums over the steps; begin and end unused
  std::int64_t kept_macs = 0;
};

struct EventReport {
  std::string network, pattern, device;
  std::uint64_t cycles = 0;
  double ms = 0.0;
  double images_per_second = 0.0;  ///< one after the other
  double run_s = 0.0;              ///< wall time of the simulation
  std::uint64_t events = 0;
  double mac_utilisation = 0.0;  ///< kept MACs / (cores * macs_per_cycle * cycles)
  double core_busy = 0.0;        ///< mean share of the cycles in which a core computes
  std::uint64_t ddr_read_bytes = 0, ddr_write_bytes = 0;
  /// What tiles send compressed: bytes of their memories, in the streams, and how many of these
  /// depend on data that nobody knows (charged as the most that there can be).
  std::uint64_t compressed_bytes = 0, compressed_stream_bytes = 0, data_dependent_stream_bytes = 0;
  std::string bound;  ///< of the whole network
  std::vector<EventLayer> layers;
  aie::Roofline roofline;
  aie::EnergyProxy energy;  ///< of one image
};

/// Summary of a finished run. Throws Error(input) with the fault when there was one: a time that
/// ends in a deadlock is none.
[[nodiscard]] EventReport event_report(const aie::Program& program, const aie::Device& device,
                                       const aie::RunResult& run, double run_s);

/// The report's layers with the tiles of a depth-wise tiled layer as one, under its own name, where
/// its first tile stands.
[[nodiscard]] std::vector<EventLayer> untiled_layers(const EventReport& report);

[[nodiscard]] nlohmann::json to_json(const EventReport& report);
[[nodiscard]] std::string to_text(const EventReport& report);

}  // namespace wbs::apps
