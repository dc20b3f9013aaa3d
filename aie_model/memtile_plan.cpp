#include "aie_model/memtile_plan.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "aie_model/geometry.hpp"
#include "aie_model/weights.hpp"
#include "core/error.hpp"

namespace wbs::aie {
namespace {

/// Every piece that crosses the DDR boundary is rounded up to this many bytes.
constexpr std::int64_t kDdrPiece = 128;
/// Left free when weights are split into passes: code and descriptors.
constexpr std::int64_t kPassReserve = 4096;
constexpr int kNetworkInput = -1;

std::int64_t ddr_bytes(std::int64_t bytes) {
  return round_up(bytes, kDdrPiece);
}

/// Input rows of each height tile, clipped to the image. Rows between two strides that no window
/// reads still travel with the tile before them.
std::vector<std::int64_t> tile_input_rows(const TiledLayer& layer, std::int64_t tiles) {
  const Window& win = layer.window;
  const std::int64_t each = ceil_div(layer.output.h, tiles);
  std::vector<std::int64_t> rows;
  for (std::int64_t start = 0; start < layer.output.h; start += each) {
    const std::int64_t end = std::min(start + each, layer.output.h);
    const std::int64_t low = std::max<std::int64_t>(0, start * win.stride_h - win.pad_h);
    std::int64_t high = (end - 1) * win.stride_h - win.pad_h + win.kh;
    if (end < layer.output.h) high = std::max(high, end * win.stride_h - win.pad_h);
    rows.push_back(std::min(high, layer.input.h) - low);
  }
  return rows;
}

/// What the sizes of one layer say about fitting into a Memtile.
enum class Fit { whole, passes, tiles };

struct Need {
  std::vector<std::pair<int, std::int64_t>> inputs;  ///< buffer and bytes, each once
  std::int64_t input_bytes = 0;
  int output = 0;  ///< buffer
  std::int64_t output_bytes = 0;
  std::int64_t weights = 0;
};

class Planner {
 public:
  Planner(std::span<TiledLayer> layers, const Device& device)
      : layers_(layers), device_(device), capacity_(device.memtile_bytes) {
    find_buffers();
    mark_members();
    find_last_uses();
    find_last_block();
  }

  void run() {
    in_ddr_.insert(kNetworkInput);
    for (int i = 0; i < count(); ++i) {
      TiledLayer& layer = at(i);
      layer.height_tiles = layer.passes = 1;
      layer.through_ddr = false;
      layer.load_bytes = layer.write_bytes = 0;
      if (layer.kind != LayerKind::concat) plan(i);
      std::erase_if(resident_, [&](const auto& entry) { return last_use(entry.first) <= i; });
    }
  }

 private:
  [[nodiscard]] int count() const { return static_cast<int>(layers_.size()); }
  [[nodiscard]] TiledLayer& at(int i) const { return layers_[static_cast<std::size_t>(i)]; }

  /// The tensor that layer i's output lies in: the outermost concat it belongs to, or its own.
  [[nodiscard]] int buffer(int i) const {
    while (i >= 0 && owner_[static_cast<std::size_t>(i)] != i) {
      i = owner_[static_cast<std::size_t>(i)];
    }
    return i;
  }

  void find_buffers() {
    for (int i = 0; i < count(); ++i) owner_.push_back(i);
    for (int i = 0; i < count(); ++i) {
      for (const int p : at(i).producers) {
        WBS_ASSERT(p >= kNetworkInput && p < i);
        if (at(i).kind == LayerKind::concat && p >= 0) owner_[static_cast<std::size_t>(p)] = i;
      }
    }
  }

  /// concat_channels of every member. Of several concats inside one concat the authors' compiler
  /// keeps the last and folds the others into the outer one (Mixed_7b, Mixed_7c).
  void mark_members() {
    for (TiledLayer& layer : layers_) layer.concat_channels = 0;
    for (int i = count() - 1; i >= 0; --i) {
      if (at(i).kind != LayerKind::concat) continue;
      const std::int64_t own = at(i).output.c;
      const std::int64_t channels = at(i).concat_channels > 0 ? at(i).concat_channels : own;
      int last_inner = -1;
      for (const int p : at(i).producers) {
        if (p >= 0 && at(p).kind == LayerKind::concat) last_inner = std::max(last_inner, p);
      }
      for (const int p : at(i).producers) {
        if (p < 0) continue;
        const bool inner = at(p).kind == LayerKind::concat;
        at(p).concat_channels = inner && p == last_inner ? 0 : channels;
      }
    }
  }

  void find_last_uses() {
    for (int i = 0; i < count(); ++i) {
      for (const int p : at(i).producers) last_use_[buffer(p)] = i;
    }
  }

  [[nodiscard]] int last_use(int buffer_index) const {
    const auto found = last_use_.find(buffer_index);
    return found == last_use_.end() ? -1 : found->second;
  }

  /// Finds the block of layers that ends in the concat before a closing global pool.
  void find_last_block() {
    for (int i = count() - 1; i >= 0; --i) {
      if (at(i).kind == LayerKind::fully_connected) continue;
      const bool global = at(i).kind == LayerKind::global_avg_pool && !at(i).producers.empty();
      if (!global || at(i).producers[0] < 0) return;
      const int result = buffer(at(i).producers[0]);
      if (at(result).kind != LayerKind::concat) return;
      for (int before = result - 1; before >= 0; --before) {
        if (at(before).kind == LayerKind::concat && buffer(before) == before) {
          block_start_ = before + 1;
          block_result_ = result;
          return;
        }
      }
      return;
    }
  }

  [[nodiscard]] std::int64_t bytes_of(int buffer_index) const {
    const TiledLayer& layer = at(buffer_index);
    if (layer.kind == LayerKind::global_avg_pool) {
      return ceil_div(layer.output.c, device_.columns);
    }
    return layer.output.h * column_width(layer.output.w, device_) * layer.output.c;
  }

  [[nodiscard]] std::int64_t input_row_bytes(const TiledLayer& layer) const {
    return column_width(layer.input.w, device_) * stored_channels(layer.input.c);
  }

  [[nodiscard]] Need need_of(int i) const {
    const TiledLayer& layer = at(i);
    Need need;
    std::vector<int> buffers;
    buffers.reserve(layer.producers.size() + 1);
    for (const int p : layer.producers) buffers.push_back(buffer(p));
    if (buffers.empty()) buffers.push_back(kNetworkInput);
    for (const int b : buffers) {
      const auto seen = [b](const auto& entry) { return entry.first == b; };
      if (std::any_of(need.inputs.begin(), need.inputs.end(), seen)) continue;
      const std::int64_t bytes =
          b == kNetworkInput ? layer.input.h * input_row_bytes(layer) : bytes_of(b);
      need.inputs.emplace_back(b, bytes);
      need.input_bytes += bytes;
    }
    need.output = buffer(i);
    need.output_bytes = layer.kind == LayerKind::add ? 0 : bytes_of(need.output);
    need.weights = memtile_weight_bytes(layer, device_);
    return need;
  }

  [[nodiscard]] bool is_input(const Need& need, int b) const {
    return std::any_of(need.inputs.begin(), need.inputs.end(),
                       [b](const auto& entry) { return entry.first == b; });
  }

  /// Bytes of tensors that are needed later but not by this layer; resident ones only, or all.
  [[nodiscard]] std::int64_t other_bytes(int i, const Need& need, bool resident_only) const {
    std::int64_t bytes = 0;
    if (resident_only) {
      for (const auto& [b, size] : resident_) {
        if (!is_input(need, b) && b != need.output) bytes += size;
      }
      return bytes;
    }
    std::set<int> alive;
    for (int made = 0; made < i; ++made) {
      const int b = buffer(made);
      if (last_use(b) >= i && !is_input(need, b) && b != need.output) alive.insert(b);
    }
    for (const int b : alive) bytes += bytes_of(b);
    return bytes;
  }

  /// The smallest divisor of the output channels that lets the rest of the weights fit.
  [[nodiscard]] std::int64_t smallest_passes(const TiledLayer& layer, std::int64_t weights,
                                             std::int64_t room) const {
    for (std::int64_t passes = 1; passes <= layer.output.c; ++passes) {
      if (layer.output.c % passes == 0 && ceil_div(weights, passes) <= room) return passes;
    }
    return layer.output.c;
  }

  [[nodiscard]] Fit fit_of(const Need& need) const {
    const std::int64_t activations = need.input_bytes + need.output_bytes;
    if (activations + need.weights <= capacity_) return Fit::whole;
    const bool weights_largest = need.weights > std::max(need.input_bytes, need.output_bytes);
    return weights_largest && activations < capacity_ ? Fit::passes : Fit::tiles;
  }

  /// In the last block, a layer whose input is as large as the block's result runs from DDR to DDR
  /// on every array, whatever fits (logged so; no reason known).
  [[nodiscard]] bool forced_through_ddr(int i, const Need& need) const {
    return block_result_ && i >= block_start_ && i < *block_result_ &&
           need.input_bytes >= bytes_of(*block_result_);
  }

  void plan(int i) {
    TiledLayer& layer = at(i);
    const Need need = need_of(i);
    const Fit fit = fit_of(need);
    std::int64_t held_weights = need.weights;
    bool overflow = false;
    if (fit == Fit::passes) {
      const std::int64_t room = capacity_ - need.input_bytes - need.output_bytes -
                                other_bytes(i, need, false) - kPassReserve;
      layer.passes = smallest_passes(layer, need.weights, room);
      held_weights = ceil_div(need.weights, layer.passes);
      // Where input and weights fit, the overflow only shows when the output is placed.
      overflow = need.input_bytes + need.weights <= capacity_;
    } else if (fit == Fit::tiles) {
      overflow = true;
    } else {
      const bool follows = i > 0 && !layer.producers.empty() && layer.producers[0] == i - 1;
      const std::int64_t weights = layer.kind == LayerKind::conv && follows
                                       ? std::max(need.weights, previous_weights_)
                                       : need.weights;
      overflow =
          need.input_bytes + need.output_bytes + weights + other_bytes(i, need, true) > capacity_;
    }
    const bool first = is_input(need, kNetworkInput);
    if (forced_through_ddr(i, need)) {
      for (const auto& [b, size] : need.inputs) in_ddr_.insert(b);
      overflow = true;
    }
    if (first || overflow) {
      run_through_ddr(layer, need, fit, first);
    } else {
      keep_resident(layer, need);
    }
    if (writes_result(i)) {
      layer.write_bytes += layer.kind == LayerKind::global_avg_pool ? layer.output.c : bytes_of(i);
    }
    previous_weights_ = held_weights;
  }

  /// True for the last layer before the fully connected ones: its result goes to DDR.
  [[nodiscard]] bool writes_result(int i) const {
    for (int later = i + 1; later < count(); ++later) {
      if (at(later).kind != LayerKind::fully_connected) return false;
    }
    return at(i).kind != LayerKind::fully_connected || i == count() - 1;
  }

  void keep_resident(TiledLayer& layer, const Need& need) {
    bool copied = false;
    for (const auto& [b, bytes] : need.inputs) {
      if (!resident_.contains(b)) layer.load_bytes += ddr_bytes(bytes);
      resident_[b] = bytes;
      copied = copied || in_ddr_.contains(b);
    }
    const std::int64_t size = bytes_of(need.output);
    const bool part = at(need.output).kind == LayerKind::concat;
    if (part && !resident_.contains(need.output) && in_ddr_.contains(need.output)) {
      layer.load_bytes += ddr_bytes(size);
    }
    resident_[need.output] = size;
    // An add overwrites an input; the authors keep counting that input's copy in DDR.
    if (layer.kind == LayerKind::add && copied) in_ddr_.insert(need.output);
  }

  void run_through_ddr(TiledLayer& layer, const Need& need, Fit fit, bool first) {
    layer.through_ddr = true;
    const bool add = layer.kind == LayerKind::add;
    if (fit == Fit::tiles && !first && !add) {
      // Brought in whole first; the overflow shows afterwards.
      for (const auto& [b, bytes] : need.inputs) {
        if (!resident_.contains(b) && bytes <= capacity_) layer.load_bytes += ddr_bytes(bytes);
      }
    }
    for (const auto& [b, bytes] : resident_) {
      if (in_ddr_.insert(b).second) layer.write_bytes += ddr_bytes(bytes);
    }
    resident_.clear();
    in_ddr_.insert(need.output);
    if (add) {
      for (const auto& [b, bytes] : need.inputs) layer.load_bytes += ddr_bytes(bytes);
      if (fit == Fit::tiles) layer.write_bytes += ddr_bytes(bytes_of(need.output));
      return;
    }
    if (layer.passes == 1 && (fit == Fit::tiles || first)) {
      layer.height_tiles = choose_height_tiles(layer, need, first);
    }
    for (const std::int64_t rows : tile_input_rows(layer, layer.height_tiles)) {
      layer.load_bytes += ddr_bytes(rows * input_row_bytes(layer));
    }
    if (layer.kind == LayerKind::global_avg_pool) return;
    if (at(need.output).kind == LayerKind::concat) {
      layer.write_bytes += ddr_bytes(bytes_of(need.output));
      return;
    }
    const std::int64_t row_bytes = column_width(layer.output.w, device_) * layer.output.c;
    for (const std::int64_t rows : height_tile_rows(layer)) {
      layer.write_bytes += ddr_bytes(rows * row_bytes);
    }
  }

  /// The smallest divisor of the output height whose tiles fit: the tile's input and its output
  /// twice (ping/pong), or once where a whole tensor is larger than the Memtile anyway.
  [[nodiscard]] std::int64_t choose_height_tiles(const TiledLayer& layer, const Need& need,
                                                 bool first) const {
    const bool larger = need.input_bytes > capacity_ || (first && need.output_bytes > capacity_);
    const bool pool = !has_weights(layer);
    // Pools whose input fits are split by width instead, at core level.
    if (pool && need.input_bytes <= capacity_) return 1;
    const std::int64_t height = layer.output.h;
    const std::int64_t out_row = column_width(layer.output.w, device_) * layer.output.c;
    for (std::int64_t tiles = 1; tiles <= height; ++tiles) {
      if (height % tiles != 0) continue;
      const auto rows = tile_input_rows(layer, tiles);
      const std::int64_t input =
          *std::max_element(rows.begin(), rows.end()) * input_row_bytes(layer);
      const std::int64_t output = height / tiles * out_row;
      if (input + (larger ? 1 : 2) * output <= capacity_) return tiles;
    }
    return height;
  }

  std::span<TiledLayer> layers_;
  const Device& device_;
  std::int64_t capacity_;
  std::vector<int> owner_;
  std::map<int, int> last_use_;
  std::map<int, std::int64_t> resident_;  ///< tensors in the Memtiles and their bytes
  std::set<int> in_ddr_;                  ///< tensors with a copy in DDR
  std::int64_t previous_weights_ = 0;
  int block_start_ = 0;
  std::optional<int> block_result_;
};

}  // namespace

void plan_memtiles(std::span<TiledLayer> layers, const Device& device) {
  Planner(layers, device).run();
}

}  // namespace wbs::aie
