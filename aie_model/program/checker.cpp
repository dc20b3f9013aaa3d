#include "aie_model/program/checker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "aie_model/program/check_rules.hpp"

namespace wbs::aie {
namespace {

using rules::Report;
using rules::Rule;
using rules::StepFacts;
using rules::TileFacts;

constexpr std::string_view kArraySize = "array size";

void array_size(const Program& program, const Device& device, Report& report) {
  if (program.columns == device.columns && program.rows == device.rows) return;
  report.at(0, kArraySize);
  report.add({}, fmt::format("the program is for {} x {} cores, {} has {} x {}", program.columns,
                             program.rows, device.name, device.columns, device.rows));
}

void tile_exists(const StepFacts& facts, Report& report) {
  std::set<TileId> seen;
  const auto missing = [&](TileId tile, std::string_view what) {
    report.add(tile, fmt::format("{} {}, but {} has {} columns of {} memtiles and {} cores",
                                 to_string(tile), what, facts.device->name, facts.device->columns,
                                 facts.device->memtiles_per_column, facts.device->rows));
  };
  for (const TileProgram& tile : facts.step->tiles) {
    if (!facts.grid.contains(tile.tile)) missing(tile.tile, "has a program");
    if (!seen.insert(tile.tile).second) {
      report.add(tile.tile, fmt::format("{} has 2 programs in one step", to_string(tile.tile)));
    }
  }
  for (const SwitchConnection& connection : facts.step->connections) {
    if (!facts.grid.contains(connection.tile)) missing(connection.tile, "has a connection");
  }
}

void shim_column(const StepFacts& facts, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  const std::vector<std::int32_t>& columns = facts.device->silicon.shim_columns;
  if (id.kind != TileKind::shim || columns.empty()) return;
  if (std::find(columns.begin(), columns.end(), id.column) != columns.end()) return;
  report.add(id, fmt::format("{} has no way to DDR, only the shims of columns {} have",
                             to_string(id), fmt::join(columns, ", ")));
}

constexpr std::array kTileRules{
    Rule{.name = "tile exists", .step = tile_exists},
    Rule{.name = "shim column", .tile = shim_column},
};

std::array<std::span<const Rule>, 5> first_rules() {
  return {kTileRules, rules::channel_rules(), rules::descriptor_rules(), rules::stream_rules(),
          rules::core_rules()};
}

void apply(std::span<const Rule> rules, const StepFacts& facts, Report& report) {
  for (const Rule& rule : rules) {
    report.at(facts.index, rule.name);
    if (rule.step != nullptr) rule.step(facts, report);
    if (rule.tile == nullptr) continue;
    for (const TileFacts& tile : facts.tiles) rule.tile(facts, tile, report);
  }
}

}  // namespace

std::vector<Violation> check(const Program& program, const Device& device) {
  Report report;
  array_size(program, device, report);
  for (std::uint32_t step = 0; step < program.steps.size(); ++step) {
    const StepFacts facts = rules::facts_of(program, device, step);
    const std::size_t before = report.count();
    for (const std::span<const Rule> group : first_rules()) apply(group, facts, report);
    if (report.count() == before) apply(rules::balance_rules(), facts, report);
  }
  return report.take();
}

std::vector<std::string_view> rule_names() {
  std::vector<std::string_view> names{kArraySize};
  const auto add = [&](std::span<const Rule> group) {
    for (const Rule& rule : group) names.push_back(rule.name);
  };
  for (const std::span<const Rule> group : first_rules()) add(group);
  add(rules::balance_rules());
  return names;
}

}  // namespace wbs::aie
