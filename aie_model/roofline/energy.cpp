#include "aie_model/roofline/energy.hpp"

namespace wbs::aie {

EnergyProxy energy_proxy(const RooflineLayer& layer, const EnergyConstants& constants) {
  constexpr double kMicrojoule = 1e-6;  // of a picojoule
  const auto bytes = [&](Resource a, Resource b) {
    return static_cast<double>(layer.of(a).bytes + layer.of(b).bytes);
  };
  EnergyProxy energy;
  energy.mac = static_cast<double>(layer.mac_slots) * constants.mac * kMicrojoule;
  energy.core_memory = (static_cast<double>(layer.core_memory_bytes) +
                        bytes(Resource::core_in, Resource::core_out)) *
                       constants.core_memory_byte * kMicrojoule;
  energy.links = static_cast<double>(layer.link_bytes) * constants.link_byte * kMicrojoule;
  energy.memtile =
      bytes(Resource::memtile_in, Resource::memtile_out) * constants.memtile_byte * kMicrojoule;
  energy.dram =
      bytes(Resource::dram_read, Resource::dram_write) * constants.dram_byte * kMicrojoule;
  return energy;
}

}  // namespace wbs::aie
