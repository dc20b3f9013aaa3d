#include "compiler/depth/depth_estimate.hpp"

#include <algorithm>

#include "compiler/codegen/residence.hpp"

namespace wbs::compiler {
namespace {

using networks::DepthCut;
using networks::Int8Op;
using networks::RowSpan;

/// Beginning a step: configuration and the first tasks of shims, as in the search for mappings.
constexpr double kStepCycles = 1200;
/// Share of a Memtile that tensors between operations may fill: the rest is rings and strips.
constexpr double kRoom = 0.9;

bool in_cut(const DepthCut& cut, std::size_t operation) {
  return cut.first <= operation && operation <= cut.last;
}

}  // namespace

DepthEstimate::DepthEstimate(const networks::Int8Network& network, const aie::Device& device,
                             const CodegenOptions& options)
    : network_(network),
      device_(device),
      plan_(plan_network(network, device, options)),
      layers_(network.operations.size(), nullptr),
      possible_(may_be_resident(network, plan_, device)) {
  for (const LayerPlan& layer : plan_.layers) layers_[layer.operation] = &layer;
  const auto columns = static_cast<double>(device.columns);
  const double dram = device.silicon.dram_bytes_per_cycle;
  // Both channels of a shim load, one stores, 4 bytes a cycle each.
  read_rate_ = dram > 0 ? std::min(dram, 8 * columns) : 8 * columns;
  write_rate_ = dram > 0 ? std::min(dram, 4 * columns) : 4 * columns;
}

bool DepthEstimate::resident(std::size_t operation) const {
  return plan_.resident[plan_.layout.places[operation].storage];
}

bool DepthEstimate::spills(std::size_t operation) const {
  return !resident(operation) && possible_[plan_.layout.places[operation].storage];
}

double DepthEstimate::tensor_bytes(std::size_t operation, std::int64_t rows) const {
  const networks::Int8Shape& shape = network_.operations[operation].output;
  return static_cast<double>(blocks_of(shape.channels) * 8 * rows * shape.columns);
}

double DepthEstimate::weight_bytes(std::size_t operation) const {
  const LayerPlan* layer = layers_[operation];
  const double density = layer == nullptr ? 1.0 : layer->shape.density;
  return density * static_cast<double>(network_.operations[operation].weights.size());
}

double DepthEstimate::read(std::size_t operation) const {
  return tensor_bytes(operation, network_.operations[operation].output.rows) / read_rate_;
}

double DepthEstimate::write(std::size_t operation) const {
  return tensor_bytes(operation, network_.operations[operation].output.rows) / write_rate_;
}

double DepthEstimate::cycles(double computed, const Traffic& traffic) const {
  return std::max({computed, traffic.reads / read_rate_, traffic.writes / write_rate_});
}

double DepthEstimate::untiled(std::size_t operation, bool from_tiles) const {
  if (layers_[operation] == nullptr) return 0.0;
  const Int8Op& op = network_.operations[operation];
  Traffic traffic;
  traffic.reads = weight_bytes(operation);
  for (const std::size_t input : op.inputs) {
    if (resident(input) && !from_tiles) continue;
    traffic.reads += tensor_bytes(input, network_.operations[input].output.rows);
  }
  if (!resident(operation)) traffic.writes = tensor_bytes(operation, op.output.rows);
  return cycles(layers_[operation]->mapping.cycles, traffic);
}

std::vector<bool> DepthEstimate::evicted(const DepthCut& cut,
                                         const std::vector<RowSpan>& spans) const {
  const std::size_t count = spans.size();
  std::vector<std::size_t> last_reader(count, 0);
  std::vector<double> bytes(count, 0.0);
  std::vector<bool> gone(count, false);
  // A concatenation's parts are read by its readers, so backwards.
  for (std::size_t i = count; i-- > 0;) {
    const std::size_t index = cut.first + i;
    const Int8Op& op = network_.operations[index];
    const bool parts = op.kind == Int8Op::Kind::concat;
    for (const std::size_t input : op.inputs) {
      if (!in_cut(cut, input)) continue;
      std::size_t& reader = last_reader[input - cut.first];
      reader = std::max(reader, parts ? last_reader[i] : i);
    }
    if (parts || i + 1 == count) continue;
    // Each column also keeps its neighbours' rows that a window reaches.
    const std::int64_t rows = (spans[i].rows() + device_.columns - 1) / device_.columns + 2;
    bytes[i] = tensor_bytes(index, rows);
  }
  const double memory = kRoom * static_cast<double>(device_.silicon.memtile.memory_bytes);
  for (std::size_t i = 0; i < count; ++i) {
    const LayerPlan* layer = layers_[cut.first + i];
    const double room = memory - (layer == nullptr ? 0.0 : static_cast<double>(layer->ring_bytes));
    for (;;) {
      double total = 0.0;
      std::size_t largest = count;
      for (std::size_t k = 0; k <= i; ++k) {
        if (gone[k] || last_reader[k] < i) continue;
        total += bytes[k];
        if (largest == count || bytes[k] > bytes[largest]) largest = k;
      }
      if (total <= room || largest == count || bytes[largest] == 0.0) break;
      gone[largest] = true;
    }
  }
  return gone;
}

double DepthEstimate::tile(const DepthCut& cut, const std::vector<RowSpan>& spans) const {
  const std::vector<bool> gone = evicted(cut, spans);
  double total = 0.0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const std::size_t index = cut.first + i;
    const LayerPlan* layer = layers_[index];
    if (layer == nullptr) continue;
    const Int8Op& op = network_.operations[index];
    Traffic traffic;
    traffic.reads = weight_bytes(index);
    for (std::size_t k = 0; k < op.inputs.size(); ++k) {
      const std::size_t input = op.inputs[k];
      if (in_cut(cut, input) && !gone[input - cut.first]) continue;
      traffic.reads +=
          tensor_bytes(input, networks::input_rows(network_, op, k, spans[i]).inside.rows());
    }
    if (gone[i] || index == cut.last) traffic.writes = tensor_bytes(index, spans[i].rows());
    const double share = static_cast<double>(spans[i].rows()) / static_cast<double>(op.output.rows);
    total += cycles(layer->mapping.cycles * share + kStepCycles, traffic);
  }
  return total;
}

double DepthEstimate::tiled(const DepthCut& cut) const {
  const std::int64_t rows = network_.operations[cut.last].output.rows;
  double total = 0.0;
  for (std::int64_t t = 0; t < cut.tiles; ++t) {
    total += tile(cut, networks::project(network_, cut, networks::tile_rows(rows, cut.tiles, t)));
  }
  return total;
}

}  // namespace wbs::compiler
