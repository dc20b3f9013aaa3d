// Sizes: how often the loops run, what fits, what it costs by arithmetic, and the search.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "aie_model/kernels/gemm.hpp"
#include "compiler/gemm/gemm.hpp"
#include "compiler/gemm/steps.hpp"
#include "core/text.hpp"

namespace wbs::compiler {
namespace {

constexpr std::int64_t kWordBytes = 4;
constexpr std::int64_t kStepK = 8;           // k of an operand of the multiply-accumulate unit
// Weight of what is not the bound: among nearly equal tiles the one with slack elsewhere.
constexpr double kSlack = 0.01;
constexpr std::int64_t kLargestSide = 1024;  // of a tile: descriptors count to 1023 in a loop

double d(std::int64_t value) {
  return static_cast<double>(value);
}

/// What the kernel's schedule divides m and n into.
aie::GemmSchedule schedule(aie::GemmTypes types, const aie::Device& device) {
  return aie::pipelined_gemm(aie::core_facts(device), types);
}

/// Cycles of a call that adds to C for given sizes.
double call_cycles(const GemmTile& tile, aie::GemmTypes types, const aie::Device& device) {
  return std::round(aie::single_core_gemm_cycles(tile.m, tile.k, tile.n, types, device));
}

/// Cycles of reading one panel of A for each row of cores and one of B for each column.
struct PanelTimes {
  double memory = 0;   ///< all of them at the bandwidth of external memory
  double channel = 0;  ///< the longer of the two through a shim's channel
  double shared = 0;   ///< channels share the memory equally; the longer panels end alone
};

PanelTimes panel_times(const GemmTile& tile, aie::GemmTypes types, const aie::Device& device) {
  const double run = d(tile.panel * operand_bytes(types));
  const double bandwidth = device.silicon.dram_bytes_per_cycle;
  const double charged = std::max(run, d(device.silicon.times.dram_burst_bytes));
  const auto read = [&](std::int64_t rows, std::int64_t channels) {
    const double memory = bandwidth > 0 ? d(rows * channels) * charged / bandwidth : 0.0;
    return std::max(memory, d(rows) * run / kWordBytes);
  };
  const std::int64_t both = std::min(tile.m, tile.n);
  PanelTimes times;
  times.channel = d(std::max(tile.m, tile.n)) * run / kWordBytes;
  if (bandwidth > 0) {
    times.memory = d(tile.m * device.rows + tile.n * device.columns) * charged / bandwidth;
  }
  times.shared = read(both, device.rows + device.columns) + read(tile.m - both, device.rows) +
                 read(tile.n - both, device.columns);
  return times;
}

/// Remembers the best tile so far.
class Best {
 public:
  Best(const Gemm& gemm, const aie::Device& device) : gemm_(gemm), device_(device) {}

  void consider(const GemmTile& tile) {
    const GemmEstimate estimate = estimate_gemm(gemm_, tile, device_);
    const double score = estimate.cycles() + kSlack * (estimate.core + estimate.panels);
    // Of equal ones the first: smaller tiles and panels.
    if (score < score_) {
      score_ = score;
      tile_ = tile;
    }
  }
  [[nodiscard]] const std::optional<GemmTile>& tile() const { return tile_; }

 private:
  const Gemm& gemm_;
  const aie::Device& device_;
  std::optional<GemmTile> tile_;
  double score_ = std::numeric_limits<double>::infinity();
};

/// All panels for one m, k, n; false if not even the smallest fits.
bool consider_panels(const Gemm& gemm, GemmTile tile, const aie::Device& device, Best& best) {
  const std::int64_t padded = ceil_div(gemm.k, tile.k) * tile.k;
  for (tile.panel = tile.k; tile.panel <= padded; tile.panel += tile.k) {
    if (!tile_defect(gemm, tile, device).empty()) return tile.panel > tile.k;
    best.consider(tile);
  }
  return true;
}

void consider_k(const Gemm& gemm, GemmTile tile, const GemmTile& wanted, const aie::Device& device,
                Best& best) {
  const std::int64_t padded = ceil_div(gemm.k, kStepK) * kStepK;
  for (tile.k = kStepK; tile.k <= padded; tile.k += kStepK) {
    if (wanted.panel == 0) {
      if (!consider_panels(gemm, tile, device, best)) return;
    } else if (wanted.panel % tile.k == 0) {
      tile.panel = wanted.panel;
      if (tile_defect(gemm, tile, device).empty()) best.consider(tile);
    } else if (tile.k > wanted.panel) {
      return;
    }
  }
}

Result<std::vector<std::int64_t>> parse_sizes(std::string_view text, std::string_view what,
                                              std::size_t least, std::size_t most) {
  std::vector<std::int64_t> sizes;
  for (const std::string_view part : split(text, 'x')) {
    const auto size = parse_integer(part);
    if (!size || *size < 1 || *size > (std::int64_t{1} << 24)) {
      return refusal(fmt::format("{} '{}': '{}' is no size from 1 to 2^24", what, text, part));
    }
    sizes.push_back(*size);
  }
  if (sizes.size() >= least && sizes.size() <= most) return sizes;
  return refusal(fmt::format("{} '{}' has {} sizes, expected {}", what, text, sizes.size(),
                             least == most ? "MxKxN" : "mxkxn or mxkxnxPANEL"));
}

}  // namespace

std::int64_t operand_bytes(aie::GemmTypes types) noexcept {
  return types == aie::GemmTypes::bf16_bf16 ? 2 : 1;
}

std::int64_t result_bytes(aie::GemmTypes types) noexcept {
  switch (types) {
    case aie::GemmTypes::i8_i8:
      return 1;
    case aie::GemmTypes::i8_i16:
    case aie::GemmTypes::bf16_bf16:
      return 2;
    case aie::GemmTypes::i8_i32:
      return 4;
  }
  return 1;
}

GemmGrid gemm_grid(const Gemm& gemm, const GemmTile& tile, const aie::Device& device) {
  GemmGrid grid;
  grid.blocks_m = ceil_div(gemm.m, tile.m * device.rows);
  grid.blocks_n = ceil_div(gemm.n, tile.n * device.columns);
  grid.panels = ceil_div(gemm.k, tile.panel);
  grid.calls = grid.panels * (tile.panel / tile.k);
  return grid;
}

double GemmEstimate::bound() const {
  return std::max({core, reads, writes, shim});
}

double GemmEstimate::cycles() const {
  return std::max(bound(), panels) + edges;
}

GemmEstimate estimate_gemm(const Gemm& gemm, const GemmTile& tile, const aie::Device& device) {
  const GemmGrid grid = gemm_grid(gemm, tile, device);
  const double blocks = d(grid.blocks_m * grid.blocks_n);
  const double panels = blocks * d(grid.panels);
  const double result = d(tile.m * tile.n * result_bytes(gemm.types));
  GemmEstimate estimate;
  estimate.kernel = call_cycles(tile, gemm.types, device);
  estimate.core = blocks * (d(grid.calls) * estimate.kernel + result / kWordBytes);
  const PanelTimes times = panel_times(tile, gemm.types, device);
  estimate.reads = panels * times.memory;
  estimate.panels = panels * times.shared;
  const double bandwidth = device.silicon.dram_bytes_per_cycle;
  const double last = result * d(device.rows) / kWordBytes;
  estimate.shim = std::max(panels * times.channel, blocks * last);
  double write = 0;
  if (bandwidth > 0) write = result * d(device.cores()) / bandwidth;
  estimate.writes = blocks * write;
  estimate.edges =
      d(gemm_steps(gemm, tile, device).count()) * (times.shared + std::max(last, write));
  return estimate;
}

std::string tile_defect(const Gemm& gemm, const GemmTile& tile, const aie::Device& device) {
  if (tile.m < 1 || tile.k < 1 || tile.n < 1 || tile.panel < 1 || tile.panel % tile.k != 0) {
    return fmt::format("a panel of {} is not a whole number of tiles with k = {}", tile.panel,
                       tile.k);
  }
  const std::int64_t rows = aie::core_facts(device).rows;
  if (tile.m % rows != 0 || tile.k % kStepK != 0 || tile.n % kStepK != 0) {
    return fmt::format("tile {}x{}x{} is no multiple of the operand {}x{}x{}", tile.m, tile.k,
                       tile.n, rows, kStepK, kStepK);
  }
  if (std::max({tile.m * device.rows, tile.n, tile.panel}) >= kLargestSide * kWordBytes ||
      tile.m >= kLargestSide || tile.n >= kLargestSide) {
    return fmt::format("tile {}x{}x{} with panel {} has a side that no descriptor counts", tile.m,
                       tile.k, tile.n, tile.panel);
  }
  const std::int64_t element = operand_bytes(gemm.types);
  const std::int64_t result = tile.m * tile.n * result_bytes(gemm.types);
  const std::int64_t core = 2 * (tile.m + tile.n) * tile.k * element + result;
  const std::int64_t room = device.core_memory - device.silicon.stack_bytes;
  if (core > room) {
    return fmt::format("tile {}x{}x{} needs {} bytes of a core, more than {}", tile.m, tile.k,
                       tile.n, core, room);
  }
  const std::int64_t memtile =
      2 * (tile.m + tile.n) * tile.panel * element + 2 * device.rows * result;
  if (memtile > device.silicon.memtile.memory_bytes) {
    return fmt::format("tile {}x{}x{} with panel {} needs {} bytes of a Memtile, more than {}",
                       tile.m, tile.k, tile.n, tile.panel, memtile,
                       device.silicon.memtile.memory_bytes);
  }
  return {};
}

GemmTile choose_gemm_tile(const Gemm& gemm, const aie::Device& device, const GemmTile& wanted) {
  Best best(gemm, device);
  if (wanted.m > 0) {
    GemmTile tile = wanted;
    if (tile.panel == 0) tile.panel = tile.k;
    const std::string defect = tile_defect(gemm, tile, device);
    if (!defect.empty()) throw Error(ErrorKind::unsupported, defect);
    if (wanted.panel > 0) return tile;
    consider_panels(gemm, tile, device, best);
    return *best.tile();
  }
  const aie::GemmSchedule kernel = schedule(gemm.types, device);
  const std::int64_t most_m = ceil_div(ceil_div(gemm.m, device.rows), kernel.tile_m);
  const std::int64_t most_n = ceil_div(ceil_div(gemm.n, device.columns), kernel.tile_n);
  const std::int64_t room = device.core_memory;
  for (std::int64_t i = 1; i <= most_m; ++i) {
    for (std::int64_t j = 1; j <= most_n; ++j) {
      GemmTile tile{.m = i * kernel.tile_m, .n = j * kernel.tile_n};
      if (tile.m * tile.n * result_bytes(gemm.types) > room) break;
      consider_k(gemm, tile, wanted, device, best);
    }
  }
  if (best.tile()) return *best.tile();
  throw Error(ErrorKind::unsupported, fmt::format("no tile of {}x{}x{} fits a core of {}", gemm.m,
                                                  gemm.k, gemm.n, device.name));
}

Result<Gemm> parse_gemm(std::string_view size, std::string_view types) {
  const auto sizes = parse_sizes(size, "product", 3, 3);
  if (!sizes) return refusal(sizes.error());
  std::vector<std::string> names;
  for (const auto candidate : {aie::GemmTypes::i8_i8, aie::GemmTypes::i8_i16,
                               aie::GemmTypes::i8_i32, aie::GemmTypes::bf16_bf16}) {
    if (to_string(candidate) == types) {
      return Gemm{.m = (*sizes)[0], .k = (*sizes)[1], .n = (*sizes)[2], .types = candidate};
    }
    names.emplace_back(to_string(candidate));
  }
  return refusal(fmt::format("unknown types '{}'{}: expected one of {}", types,
                             suggestion(types, names), fmt::join(names, ", ")));
}

Result<GemmTile> parse_gemm_tile(std::string_view text) {
  const auto sizes = parse_sizes(text, "tile", 3, 4);
  if (!sizes) return refusal(sizes.error());
  return GemmTile{.m = (*sizes)[0],
                  .k = (*sizes)[1],
                  .n = (*sizes)[2],
                  .panel = sizes->size() > 3 ? (*sizes)[3] : 0};
}

}  // namespace wbs::compiler
