#include "aie_model/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <tuple>

#include "aie_model/geometry.hpp"
#include "aie_model/memtile_plan.hpp"
#include "aie_model/pool_tiling.hpp"

namespace wbs::aie {
namespace {

/// Lower-case runs of letters and digits.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      words.back() += static_cast<char>(std::tolower(byte));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

/// Words of `name` found in `logged` in this order, less those that are not.
int likeness(const std::vector<std::string>& name, const std::vector<std::string>& logged) {
  int found = 0;
  auto from = logged.begin();
  for (const std::string& word : name) {
    const auto at = std::find(from, logged.end(), word);
    if (at == logged.end()) continue;
    ++found;
    from = at + 1;
  }
  return 2 * found - static_cast<int>(name.size());
}

bool same_shape(const ReplayRow& row, const TiledLayer& layer) {
  const std::int64_t cin = stored_channels(layer.input.c);
  return layer.kind == LayerKind::conv && layer.output == row.output &&
         layer.window.kh == row.weight.kh && layer.window.kw == row.weight.kw &&
         row.weight.cin <= cin && row.core_input.c <= cin;
}

/// Sweeps over a column's width when a core takes less of it at a time: widths are halved, so a
/// power of two where that explains the row.
std::int64_t width_splits_of(const ReplayRow& row, const Device& device) {
  const std::int64_t column = ceil_div(row.output.w, device.columns);
  std::int64_t halves = 1;
  while (ceil_div(column, halves) > row.core_output.w) halves *= 2;
  return ceil_div(column, halves) == row.core_output.w ? halves
                                                       : ceil_div(column, row.core_output.w);
}

void take_row(TiledLayer& layer, const ReplayRow& row, const Device& device) {
  layer.width_splits = width_splits_of(row, device);
  layer.core_weight = row.weight;
  layer.core_input = row.core_input;
  layer.core_output = row.core_output;
  layer.density = row.density;
}

/// A core piece for a convolution that has no row: all of a core's weights at once.
void take_default(TiledLayer& layer, const Device& device, double density) {
  layer.core_weight = {ceil_div(layer.output.c, device.rows), layer.window.kh, layer.window.kw,
                       stored_channels(layer.input.c)};
  layer.core_input = {layer.window.kh, column_width(layer.input.w, device),
                      stored_channels(layer.input.c)};
  layer.core_output = {1, column_width(layer.output.w, device), layer.output.c};
  layer.density = density;
}

std::int64_t stride_of(const ReplayRow& row) {
  const auto from = [](std::int64_t in, std::int64_t kernel, std::int64_t out) -> std::int64_t {
    if (out < 2 || in < kernel || (in - kernel) % (out - 1) != 0) return 0;
    return (in - kernel) / (out - 1);
  };
  if (const auto s = from(row.core_input.h, row.weight.kh, row.core_output.h); s > 0) return s;
  if (const auto s = from(row.core_input.w, row.weight.kw, row.core_output.w); s > 0) return s;
  return std::max<std::int64_t>(1, row.core_input.w / row.core_output.w);
}

/// The row as a layer of its own whose input was made by a layer before it: the row before, where
/// its channels can be this row's input channels.
TiledLayer lone_layer(const ReplayRow& row, const ReplayRow* previous, const Device& device) {
  TiledLayer layer;
  layer.name = row.layer;
  layer.output = row.output;
  const std::int64_t stride = stride_of(row);
  layer.window = {row.weight.kh, row.weight.kw,           stride,
                  stride,        (row.weight.kh - 1) / 2, (row.weight.kw - 1) / 2};
  const std::int64_t seen = std::max(row.weight.cin, row.core_input.c);
  const bool chained = previous != nullptr && previous->output.c % seen == 0;
  layer.input = {row.output.h * stride, row.output.w * stride, chained ? previous->output.c : seen};
  layer.producers = {0};
  take_row(layer, row, device);
  TiledLayer before;
  before.kind = LayerKind::max_pool;
  before.input = before.output = layer.input;
  before.producers = {-1};
  tile_pool_or_add(before, device);
  std::vector<TiledLayer> pair = {before, layer};
  plan_memtiles(pair, device);
  return pair.back();
}

/// Puts layers in the order in which a run executed them: each matched convolution in the order of
/// its row, every other layer just before the first layer that needs it.
class Reorder {
 public:
  explicit Reorder(std::vector<TiledLayer> layers)
      : layers_(std::move(layers)), place_(layers_.size(), -1) {}

  void emit(int i) {
    if (i < 0 || place_[static_cast<std::size_t>(i)] >= 0) return;
    TiledLayer& layer = layers_[static_cast<std::size_t>(i)];
    for (int& producer : layer.producers) {
      emit(producer);
      if (producer >= 0) producer = place(producer);
    }
    place_[static_cast<std::size_t>(i)] = static_cast<int>(ordered_.size());
    ordered_.push_back(std::move(layer));
  }
  void emit_rest() {
    for (std::size_t i = 0; i < layers_.size(); ++i) emit(static_cast<int>(i));
  }
  [[nodiscard]] int place(int i) const { return i < 0 ? -1 : place_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] std::vector<TiledLayer> take() { return std::move(ordered_); }

 private:
  std::vector<TiledLayer> layers_, ordered_;
  std::vector<int> place_;
};

ReplayResult result_of(const TiledLayer& layer, const ReplayRow& row, const Device& device,
                       Model model) {
  const LayerEstimate estimate = estimate_layer(layer, device, model);
  ReplayResult result;
  result.iterations = estimate.iterations;
  result.comp_ns = estimate.lanes.comp_ns;
  const double scale = row.iterations && estimate.iterations > 0
                           ? *row.iterations / static_cast<double>(estimate.iterations)
                           : 1.0;
  result.loadfm_ns = estimate.lanes.loadfm_ns * scale;
  result.writefm_ns = estimate.lanes.writefm_ns * scale;
  return result;
}

}  // namespace

std::vector<TiledLayer> layers_of_run(std::span<const ReplayRow> rows,
                                      std::vector<TiledLayer> layers, const Device& device,
                                      std::vector<int>* row_layer) {
  std::vector<std::vector<std::string>> names;
  names.reserve(layers.size());
  for (const TiledLayer& layer : layers) names.push_back(words_of(layer.name));
  std::vector<bool> used(layers.size(), false);
  std::vector<int> found;
  double density = 1.0;
  for (const ReplayRow& row : rows) {
    const auto logged = words_of(row.layer);
    int best = -1, best_likeness = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (used[i] || !same_shape(row, layers[i])) continue;
      const int like = likeness(names[i], logged);
      if (best < 0 || like > best_likeness) {
        best = static_cast<int>(i);
        best_likeness = like;
      }
    }
    found.push_back(best);
    density = std::min(density, row.density);
    if (best < 0) continue;
    used[static_cast<std::size_t>(best)] = true;
    take_row(layers[static_cast<std::size_t>(best)], row, device);
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].kind != LayerKind::conv) {
      tile_pool_or_add(layers[i], device);
    } else if (!used[i]) {
      take_default(layers[i], device, density);
    }
  }
  Reorder reorder(std::move(layers));
  for (const int i : found) reorder.emit(i);
  reorder.emit_rest();
  for (int& i : found) i = reorder.place(i);
  std::vector<TiledLayer> ordered = reorder.take();
  plan_memtiles(ordered, device);
  if (row_layer != nullptr) *row_layer = std::move(found);
  return ordered;
}

std::vector<ReplayResult> replay(std::span<const ReplayRow> rows, Model model,
                                 const NetworkLayers& networks) {
  // Rows of a run need not be adjacent: gather them, keeping their order.
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<std::size_t>> runs;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    runs[{rows[i].network, rows[i].array, rows[i].weights}].push_back(i);
  }
  std::vector<ReplayResult> results(rows.size());
  for (const auto& [key, members] : runs) {
    const Device device =
        value_or_throw(find_device(fmt::format("aie2:{}", std::get<1>(key))), ErrorKind::input);
    std::vector<ReplayRow> run;
    for (const std::size_t i : members) run.push_back(rows[i]);
    std::vector<int> row_layer;
    std::vector<TiledLayer> structure;
    if (networks) structure = networks(std::get<0>(key));
    const auto layers = layers_of_run(run, std::move(structure), device, &row_layer);
    for (std::size_t i = 0; i < members.size(); ++i) {
      const int at = row_layer[i];
      const ReplayRow* previous = i > 0 ? &run[i - 1] : nullptr;
      const TiledLayer layer =
          at >= 0 ? layers[static_cast<std::size_t>(at)] : lone_layer(run[i], previous, device);
      results[members[i]] = result_of(layer, run[i], device, model);
    }
  }
  return results;
}

}  // namespace wbs::aie
