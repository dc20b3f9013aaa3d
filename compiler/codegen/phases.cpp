#include "compiler/codegen/phases.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "compiler/codegen/residence.hpp"
#include "compiler/codegen/shim_use.hpp"

namespace wbs::compiler {
namespace {

using networks::Int8Network;
using networks::Int8Op;

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

std::size_t at(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

std::int64_t strip_height(const LayerPlan& layer) {
  return std::min(layer.mapping.strip_rows, layer.pieces.column_rows);
}

class PhaseMaker {
 public:
  PhaseMaker(const Int8Network& network, const aie::Device& device, NetworkPlan& plan)
      : network_(network), device_(device), plan_(plan) {
    plan_.regions.clear();
    plan_.phases.clear();
  }

  void run() {
    find_consumers();
    for (std::size_t layer = 0; layer < plan_.layers.size(); ++layer) make_layer(layer);
    for (Phase& phase : plan_.phases) {
      if (plan_.shim_budget > 0) phase.shim_descriptors = shim_descriptors(plan_, device_, phase);
    }
    for (std::size_t index = 0; index < plan_.phases.size(); ++index) {
      for (const Use& use : plan_.phases[index].uses) {
        if (use.ddr) continue;
        Region& region = plan_.regions[use.id];
        region.first = std::min(region.first, index);
        region.last = std::max(region.last, index);
      }
    }
  }

 private:
  const Int8Op& operation(const LayerPlan& layer) const {
    return network_.operations[layer.operation];
  }
  Place place(std::size_t operation) const { return plan_.layout.places[operation]; }
  const Storage& storage(std::size_t index) const { return plan_.layout.storages[index]; }

  void find_consumers() {
    consumers_.resize(plan_.layout.storages.size());
    for (std::size_t i = 0; i < plan_.layers.size(); ++i) {
      const auto& inputs = operation(plan_.layers[i]).inputs;
      for (std::size_t which = 0; which < inputs.size(); ++which) {
        consumers_[place(inputs[which]).storage].emplace_back(i, which);
      }
    }
  }

  std::size_t new_region(std::int64_t bytes) {
    plan_.regions.push_back({bytes, kNever, 0, 0});
    return plan_.regions.size() - 1;
  }

  /// The strip of a resident tensor: what columns own and what its consumers need of neighbours.
  const Strip& resident_strip(std::size_t index) {
    const auto [it, added] = resident_.try_emplace(index);
    Strip& strip = it->second;
    if (!added) return strip;
    const Storage& s = storage(index);
    strip.storage = index;
    for (std::int64_t column = 0; column < device_.columns; ++column) {
      Rows rows = owned_rows(s.rows, device_, column);
      for (const auto& [consumer, which] : consumers_[index]) {
        const LayerPlan& layer = plan_.layers[consumer];
        const Rows needed = below(column_input_rows(layer, which, column),
                                  place(operation(layer).inputs[which]).row);
        rows = {std::min(rows.begin, needed.begin), std::max(rows.end, needed.end)};
      }
      strip.row.push_back(rows.begin);
      strip.block.push_back(0);
      strip.stored_rows = std::max(strip.stored_rows, rows.end - rows.begin);
      resident_end_[index].push_back(rows.end);
    }
    strip.region = new_region(s.blocks * strip.stored_rows * s.columns * 8);
    return strip;
  }

  void add(Phase phase) { plan_.phases.push_back(std::move(phase)); }

  /// A load or store as several phases where columns share a shim that could not describe all.
  void add_move(const Phase& phase) {
    const std::size_t most = at(most_shared_columns(device_));
    std::size_t done = 0;
    for (bool more = true; more; done += most) {
      Phase part = phase;
      more = false;
      for (const ShimMap::Group& group : plan_.shims.groups()) {
        more = more || group.columns.size() > done + most;
        for (std::size_t i = 0; i < group.columns.size(); ++i) {
          if (i < done || i >= done + most) part.parts[at(group.columns[i])].rows = 0;
        }
      }
      add(std::move(part));
    }
  }

  /// The first chunks of the phase's weights: before the phase that computes now, if there is one,
  /// so that they come while it computes.
  void add_preload(const Phase& compute) {
    Phase phase;
    phase.kind = Phase::Kind::preload;
    phase.layer = compute.layer;
    phase.chunk = compute.chunk;
    phase.chunks = compute.chunks;
    phase.x_tiles = compute.x_tiles;
    phase.weights_region = compute.weights_region;
    phase.preloaded = compute.preloaded;
    phase.uses = {{false, compute.weights_region, 0, 0, true}};
    auto& phases = plan_.phases;
    const auto last = std::find_if(phases.rbegin(), phases.rend(),
                                   [](const Phase& p) { return p.kind == Phase::Kind::compute; });
    phases.insert(last == phases.rend() ? phases.begin() : last.base() - 1, std::move(phase));
  }

  /// Copies of the rows that a column needs and its neighbours own, once for each value.
  void exchange(std::size_t layer, std::size_t input) {
    while (network_.operations[input].kind == Int8Op::Kind::slice) {
      input = network_.operations[input].inputs.front();  // once for all slices
    }
    const Place where = place(input);
    const Strip& strip = resident_strip(where.storage);
    Phase phase;
    phase.kind = Phase::Kind::exchange;
    phase.layer = layer;
    phase.strip = strip;
    const std::int64_t rows = storage(where.storage).rows;
    const std::int64_t blocks = blocks_of(network_.operations[input].output.channels);
    bool any = false;
    for (std::int64_t column = 0; column < device_.columns; ++column) {
      const Rows own = owned_rows(rows, device_, column);
      const std::int64_t low = strip.row[at(column)];
      const std::int64_t high = resident_end_[where.storage][at(column)];
      phase.parts.push_back({low, own.begin - low, where.block, blocks});
      phase.from_east.push_back({own.end, high - own.end, where.block, blocks});
      any = any || low < own.begin || high > own.end;
    }
    if (!any || !exchanged_.insert(input).second) return;
    phase.uses.push_back({false, strip.region, 0, 0, true});
    add(std::move(phase));
  }

  bool needs_neighbours(const LayerPlan& layer, std::size_t which) const {
    const Place input = place(operation(layer).inputs[which]);
    for (std::int64_t column = 0; column < device_.columns; ++column) {
      const Rows own = owned_rows(storage(input.storage).rows, device_, column);
      const Rows needed = below(column_input_rows(layer, which, column), input.row);
      if (needed.begin < own.begin || needed.end > own.end) return true;
    }
    return false;
  }

  /// Brings input rows of strip `index` from DDR into a region of their own.
  Strip load(std::size_t layer_index, std::size_t which, std::int64_t index) {
    const LayerPlan& layer = plan_.layers[layer_index];
    const Place where = place(operation(layer).inputs[which]);
    const bool by_output = !layer.shape.convolution() || (layer.shape.adds && which == 1);
    const Storage& s = storage(where.storage);
    Phase phase;
    phase.kind = Phase::Kind::load;
    phase.layer = layer_index;
    Strip strip;
    strip.storage = where.storage;
    std::int64_t blocks = 0;
    Rows all{s.rows, 0};
    for (std::int64_t column = 0; column < device_.columns; ++column) {
      const Rows rows = below(
          operand_rows(layer, which, strip_first_row(layer, column, index), strip_height(layer)),
          where.row);
      BlockRange range{0, by_output ? layer.shape.out_blocks : layer.shape.in_blocks};
      if (layer.mapping.split == Split::channels && by_output) {
        range = column_blocks(layer, device_, column);
      }
      if (column_blocks(layer, device_, column).count == 0) range.count = 0;
      phase.parts.push_back(
          {rows.begin, rows.end - rows.begin, where.block + range.first, range.count});
      strip.row.push_back(rows.begin);
      strip.block.push_back(where.block + range.first);
      strip.stored_rows = std::max(strip.stored_rows, rows.end - rows.begin);
      blocks = std::max(blocks, range.count);
      all = {std::min(all.begin, rows.begin), std::max(all.end, rows.end)};
    }
    strip.region = new_region(blocks * strip.stored_rows * s.columns * 8);
    phase.strip = strip;
    phase.uses = {{true, where.storage, all.begin, all.end, false},
                  {false, strip.region, 0, 0, true}};
    add_move(phase);
    return strip;
  }

  std::vector<Strip> inputs_of_strip(std::size_t layer_index, std::int64_t index) {
    std::vector<Strip> strips;
    std::map<std::size_t, Strip> loaded;
    const auto& operands = operation(plan_.layers[layer_index]).inputs;
    for (std::size_t which = 0; which < operands.size(); ++which) {
      const std::size_t input = operands[which];
      const std::size_t s = place(input).storage;
      if (plan_.resident[s]) {
        strips.push_back(resident_strip(s));
      } else if (const auto it = loaded.find(input); it != loaded.end()) {
        strips.push_back(it->second);
      } else {
        strips.push_back(load(layer_index, which, index));
        loaded[input] = strips.back();
      }
    }
    return strips;
  }

  Strip output_strip(const LayerPlan& layer, std::int64_t index) {
    const Place where = place(layer.operation);
    if (plan_.resident[where.storage]) return resident_strip(where.storage);
    Strip strip;
    strip.storage = where.storage;
    strip.stored_rows = strip_height(layer);
    std::int64_t blocks = 0;
    for (std::int64_t column = 0; column < device_.columns; ++column) {
      const BlockRange range = column_blocks(layer, device_, column);
      strip.row.push_back(strip_first_row(layer, column, index) + where.row);
      strip.block.push_back(where.block + range.first);
      blocks = std::max(blocks, range.count);
    }
    strip.region = new_region(blocks * strip.stored_rows * layer.shape.out_columns * 8);
    return strip;
  }

  /// Each row once, although the last column's strip may overlap the one before.
  void store(std::size_t layer_index, const Strip& strip, std::int64_t index) {
    const LayerPlan& layer = plan_.layers[layer_index];
    Phase phase;
    phase.kind = Phase::Kind::store;
    phase.layer = layer_index;
    phase.index = index;
    phase.strip = strip;
    const std::int64_t top = place(layer.operation).row;
    Rows all{storage(strip.storage).rows, 0};
    for (std::int64_t column = 0; column < device_.columns; ++column) {
      const std::int64_t first = top + strip_first_row(layer, column, index);
      const std::int64_t end = first + strip_height(layer);
      const std::int64_t begin = layer.mapping.split != Split::channels
                                     ? std::max(first, top + column * layer.pieces.column_rows)
                                     : first;
      phase.parts.push_back({begin, std::max<std::int64_t>(0, end - begin), strip.block[at(column)],
                             column_blocks(layer, device_, column).count});
      if (begin < end) all = {std::min(all.begin, begin), std::max(all.end, end)};
    }
    phase.uses = {{false, strip.region, 0, 0, false},
                  {true, strip.storage, all.begin, all.end, true}};
    add_move(phase);
  }

  void compute(std::size_t layer_index, std::int64_t index, const std::vector<Strip>& inputs,
               const Strip& output) {
    const LayerPlan& layer = plan_.layers[layer_index];
    const std::int64_t chunk_step = one_chunk_per_step(layer, device_) ? 1 : layer.pieces.chunks;
    const std::int64_t x_step = one_x_tile_per_step(device_) ? 1 : layer.pieces.x_tiles;
    for (std::int64_t chunk = 0; chunk < layer.pieces.chunks; chunk += chunk_step) {
      for (std::int64_t x = 0; x < layer.pieces.x_tiles; x += x_step) {
        Phase phase;
        phase.layer = layer_index;
        phase.index = index;
        phase.chunk = chunk;
        phase.chunks = chunk_step;
        phase.x_tile = x;
        phase.x_tiles = x_step;
        phase.inputs = inputs;
        phase.output = output;
        for (const Strip& input : inputs) phase.uses.push_back({false, input.region, 0, 0, false});
        phase.uses.push_back({false, output.region, 0, 0, true});
        if (layer.ring_bytes > 0) {
          phase.weights_region = new_region(layer.ring_bytes);
          phase.uses.push_back({false, phase.weights_region, 0, 0, true});
          if (plan_.preload[layer_index]) {
            phase.preloaded = std::min(kRingSlots, deliveries_of(layer, device_, phase));
            add_preload(phase);
          }
        }
        add(std::move(phase));
      }
    }
  }

  void make_layer(std::size_t layer_index) {
    const LayerPlan& layer = plan_.layers[layer_index];
    const auto& operands = operation(layer).inputs;
    for (std::size_t which = 0; which < operands.size(); ++which) {
      const bool resident = plan_.resident[place(operands[which]).storage];
      if (resident && needs_neighbours(layer, which)) exchange(layer_index, operands[which]);
    }
    const std::size_t out = place(layer.operation).storage;
    std::vector<Strip> next = inputs_of_strip(layer_index, 0);
    std::optional<Strip> last;  // stored beside the next strip's computing, so in memory of its own
    for (std::int64_t index = 0; index < layer.pieces.strips; ++index) {
      const bool more = index + 1 < layer.pieces.strips;
      const std::vector<Strip> inputs = std::exchange(
          next, more ? inputs_of_strip(layer_index, index + 1) : std::vector<Strip>());
      const Strip output = output_strip(layer, index);
      compute(layer_index, index, inputs, output);
      if (plan_.resident[out]) continue;
      if (last) store(layer_index, *last, index - 1);
      last = output;
    }
    if (last) store(layer_index, *last, layer.pieces.strips - 1);
  }

  const Int8Network& network_;
  const aie::Device& device_;
  NetworkPlan& plan_;
  /// By storage: layers, and which of their inputs it is.
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> consumers_;
  std::map<std::size_t, Strip> resident_;
  std::map<std::size_t, std::vector<std::int64_t>> resident_end_;
  std::set<std::size_t> exchanged_;
};

}  // namespace

void make_phases(const Int8Network& network, const aie::Device& device, NetworkPlan& plan) {
  PhaseMaker(network, device, plan).run();
}

}  // namespace wbs::compiler
