// Control programs of cores, and their data and program memory.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>

#include "aie_model/kernels/kernel_model.hpp"
#include "aie_model/program/check_rules.hpp"

namespace wbs::aie::rules {
namespace {

// The estimate of program memory: one 128-bit instruction word for each control instruction, and an
// assumed size for each kind of kernel. Programs are data here, not machine code.
constexpr std::size_t kBytesPerInstruction = 16;
constexpr std::size_t kBytesPerKernel = 2048;

void code_tile(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileProgram& program = *tile.program;
  if (program.tile.kind == TileKind::core) return;
  if (program.code.empty() && program.calls.empty() && program.rings.empty()) return;
  report.add(program.tile,
             fmt::format("{} has {} instructions, {} calls and {} rings, which only cores can have",
                         to_string(program.tile), program.code.size(), program.calls.size(),
                         program.rings.size()));
}

void loops(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < tile.program->code.size(); ++i) {
    const CoreOp::Kind kind = tile.program->code[i].kind;
    if (kind == CoreOp::Kind::begin) open.push_back(i);
    if (kind != CoreOp::Kind::end) continue;
    if (open.empty()) {
      report.add(id, fmt::format("{} instruction {} ends a loop, 0 are open", to_string(id), i));
    } else {
      open.pop_back();
    }
  }
  for (const std::size_t i : open) {
    report.add(id,
               fmt::format("{} instruction {} begins a loop that has no end", to_string(id), i));
  }
}

void code_index(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileProgram& program = *tile.program;
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const CoreOp& op = program.code[i];
    const bool call = op.kind == CoreOp::Kind::call;
    if (!call && op.kind != CoreOp::Kind::advance) continue;
    const std::size_t have = call ? program.calls.size() : program.rings.size();
    if (op.index < have) continue;
    report.add(program.tile,
               fmt::format("{} instruction {} names {} {}, the core has {}",
                           to_string(program.tile), i, call ? "call" : "ring", op.index, have));
  }
}

/// A buffer of a call.
struct Use {
  std::string_view name;
  Operand operand;
  std::uint64_t bytes = 0;
};

/// The buffers that a call touches. The bytes of weights are those of the ring's smallest filling.
std::array<Use, 4> uses_of(const TileProgram& program, const KernelCall& call) {
  std::uint32_t kept = 0;
  if (call.weights.ring >= 0 &&
      static_cast<std::size_t>(call.weights.ring) < program.rings.size()) {
    const auto& all = program.rings[static_cast<std::size_t>(call.weights.ring)].kept;
    if (!all.empty()) kept = *std::min_element(all.begin(), all.end());
  }
  const CallFootprint bytes = footprint(call, kept);
  return {Use{"input", call.input, bytes.input}, Use{"second", call.second, bytes.second},
          Use{"weights", call.weights, bytes.weights}, Use{"output", call.output, bytes.output}};
}

void call_ring(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileProgram& program = *tile.program;
  for (std::size_t i = 0; i < program.calls.size(); ++i) {
    for (const Use& use : uses_of(program, program.calls[i])) {
      if (use.bytes == 0 || use.operand.ring < 0) continue;
      const auto ring = static_cast<std::size_t>(use.operand.ring);
      if (ring >= program.rings.size() || program.rings[ring].slots == 0) {
        report.add(program.tile,
                   fmt::format("{} call {} takes its {} from ring {}, which has 0 "
                               "slots or is not among the {} rings",
                               to_string(program.tile), i, use.name, ring, program.rings.size()));
      }
    }
  }
}

void call_slot(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileProgram& program = *tile.program;
  for (std::size_t i = 0; i < program.calls.size(); ++i) {
    for (const Use& use : uses_of(program, program.calls[i])) {
      const auto ring = static_cast<std::size_t>(use.operand.ring);
      if (use.bytes == 0 || use.operand.ring < 0 || ring >= program.rings.size()) continue;
      const std::uint64_t end = use.operand.address + use.bytes;
      if (end <= program.rings[ring].slot_bytes) continue;
      report.add(program.tile,
                 fmt::format("{} call {} needs {} bytes of ring {} for its {}, a slot has {}",
                             to_string(program.tile), i, end, ring, use.name,
                             program.rings[ring].slot_bytes));
    }
  }
}

/// A buffer in a core's memory.
struct Area {
  std::string name;
  std::uint64_t begin = 0, end = 0;
  bool accumulators = false;
};

std::vector<Area> ring_areas(const TileProgram& program) {
  std::vector<Area> areas;
  for (std::size_t r = 0; r < program.rings.size(); ++r) {
    const Ring& ring = program.rings[r];
    const std::uint64_t bytes = std::uint64_t{ring.slots} * ring.slot_bytes;
    if (bytes > 0) areas.push_back({fmt::format("ring {}", r), ring.address, ring.address + bytes});
  }
  return areas;
}

/// The accumulators of the calls that use some, one area for each address.
std::vector<Area> accumulator_areas(const TileProgram& program) {
  std::vector<Area> areas;
  for (const KernelCall& call : program.calls) {
    const std::uint64_t bytes = footprint(call, 0).accumulators;
    if (bytes == 0) continue;
    const auto known = std::find_if(areas.begin(), areas.end(), [&](const Area& area) {
      return area.begin == call.accumulators;
    });
    const std::uint64_t end = call.accumulators + bytes;
    if (known == areas.end()) {
      areas.push_back({"the accumulators", call.accumulators, end, true});
    } else {
      known->end = std::max(known->end, end);
    }
  }
  return areas;
}

void data_memory(const StepFacts& facts, const TileFacts& tile, Report& report) {
  const TileProgram& program = *tile.program;
  if (program.tile.kind != TileKind::core) return;
  const std::int64_t memory = std::min(tile.limits->memory_bytes, facts.device->core_memory);
  const auto room = static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, memory - facts.device->silicon.stack_bytes));
  std::vector<Area> areas = ring_areas(program);
  for (const Area& area : accumulator_areas(program)) areas.push_back(area);
  for (std::size_t i = 0; i < program.calls.size(); ++i) {
    for (const Use& use : uses_of(program, program.calls[i])) {
      if (use.operand.ring >= 0 || use.bytes == 0) continue;
      const std::uint64_t begin = use.operand.address;
      areas.push_back({fmt::format("the {} of call {}", use.name, i), begin, begin + use.bytes});
    }
  }
  for (const Area& area : areas) {
    if (area.end <= room) continue;
    report.add(program.tile,
               fmt::format("{} has {} in bytes {} to {}, buffers have {} bytes",
                           to_string(program.tile), area.name, area.begin, area.end - 1, room));
  }
}

/// Sorted by address, an area overlaps an earlier one exactly when it begins before the furthest
/// end so far. Accumulators of different calls may share memory.
void buffer_overlap(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileProgram& program = *tile.program;
  std::vector<Area> areas = ring_areas(program);
  if (areas.empty()) return;
  for (const Area& area : accumulator_areas(program)) areas.push_back(area);
  std::stable_sort(areas.begin(), areas.end(),
                   [](const Area& a, const Area& b) { return a.begin < b.begin; });
  const Area* furthest_ring = nullptr;
  const Area* furthest = nullptr;
  const auto further = [](const Area* known, const Area& area) {
    return known == nullptr || area.end > known->end ? &area : known;
  };
  for (const Area& area : areas) {
    const Area* before = area.accumulators ? furthest_ring : furthest;
    if (before != nullptr && area.begin < before->end) {
      report.add(program.tile, fmt::format("{} has {} from byte {} on, but {} takes bytes {} to {}",
                                           to_string(program.tile), area.name, area.begin,
                                           before->name, before->begin, before->end - 1));
    }
    furthest = further(furthest, area);
    if (!area.accumulators) furthest_ring = further(furthest_ring, area);
  }
}

void program_memory(const StepFacts& facts, const TileFacts& tile, Report& report) {
  const TileProgram& program = *tile.program;
  std::bitset<256> kernels;
  for (const KernelCall& call : program.calls) kernels.set(static_cast<std::size_t>(call.kernel));
  const std::size_t bytes =
      program.code.size() * kBytesPerInstruction + kernels.count() * kBytesPerKernel;
  if (static_cast<std::int64_t>(bytes) <= facts.device->silicon.program_bytes) return;
  report.add(program.tile, fmt::format("{} needs about {} bytes for {} instructions and {} "
                                       "kernels, its program memory has {}",
                                       to_string(program.tile), bytes, program.code.size(),
                                       kernels.count(), facts.device->silicon.program_bytes));
}

constexpr std::array kRules{
    Rule{.name = "code tile", .tile = code_tile},
    Rule{.name = "loops", .tile = loops},
    Rule{.name = "code index", .tile = code_index},
    Rule{.name = "call ring", .tile = call_ring},
    Rule{.name = "call slot", .tile = call_slot},
    Rule{.name = "data memory", .tile = data_memory},
    Rule{.name = "buffer overlap", .tile = buffer_overlap},
    Rule{.name = "program memory", .tile = program_memory},
};

}  // namespace

std::span<const Rule> core_rules() {
  return kRules;
}

}  // namespace wbs::aie::rules
