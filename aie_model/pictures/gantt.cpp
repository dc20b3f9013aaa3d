#include "aie_model/pictures/gantt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <set>
#include <tuple>
#include <vector>

namespace wbs::aie {
namespace {

constexpr int kLeft = 150, kRight = 60, kChart = 1240;
constexpr int kHeader = 56;   ///< title and subtitle
constexpr int kLabels = 104;  ///< slanted names of layers
constexpr int kBand = 14;     ///< coloured strip of layers
constexpr int kGap = 5;       ///< between lanes
constexpr double kSlantedWidth = 11.5, kLetter = 6.5;

struct Lane {
  std::string name;
  const char* colour = "";
  std::vector<Cycles> busy;
  std::set<std::tuple<TileId, std::uint8_t>> units;
};

enum LaneIndex : std::size_t {
  kReconfigure,
  kDdrRead,
  kDdrWrite,
  kMemtileOut,
  kMemtileIn,
  kCoreIn,
  kCoreOut,
  kFirstColumn
};

std::vector<Lane> make_lanes(const Picture& picture) {
  std::vector<Lane> lanes{
      {"reconfiguration", "#6b7280", {}, {}},   {"DDR read (shims)", "#c2410c", {}, {}},
      {"DDR write (shims)", "#ea8a4f", {}, {}}, {"Memtiles, out", "#15803d", {}, {}},
      {"Memtiles, in", "#57ab72", {}, {}},      {"cores, DMA in", "#7e5bb5", {}, {}},
      {"cores, DMA out", "#ad93d6", {}, {}}};
  for (std::int64_t column = 0; column < picture.device.columns; ++column) {
    lanes.push_back({fmt::format("cores of column {}", column), "#1d5fa8", {}, {}});
  }
  return lanes;
}

std::size_t lane_of(const Activity& activity) {
  const bool out = activity.kind == Activity::Kind::mm2s;
  if (activity.kind == Activity::Kind::reconfigure) return kReconfigure;
  if (activity.kind == Activity::Kind::kernel) {
    return kFirstColumn + static_cast<std::size_t>(activity.tile.column);
  }
  switch (activity.tile.kind) {
    case TileKind::shim:
      return out ? kDdrRead : kDdrWrite;
    case TileKind::memtile:
      return out ? kMemtileOut : kMemtileIn;
    case TileKind::core:
      break;
  }
  return out ? kCoreOut : kCoreIn;
}

std::vector<Lane> fill_lanes(const Picture& picture, Cycles window) {
  std::vector<Lane> lanes = make_lanes(picture);
  for (const Activity& activity : picture.run.activities) {
    Lane& lane = lanes.at(lane_of(activity));
    lane.units.insert({activity.tile, activity.channel});
    const Cycles cycles = inside(activity, window);
    if (cycles.length() > 0) lane.busy.push_back(cycles);
  }
  for (std::size_t i = kFirstColumn; i < lanes.size(); ++i) {
    for (std::int64_t row = 0; row < picture.device.rows; ++row) {
      const auto column = static_cast<std::int16_t>(i - kFirstColumn);
      lanes[i].units.insert({{TileKind::core, column, static_cast<std::int16_t>(row)}, 0});
    }
  }
  return lanes;
}

/// A round distance of ticks: at most ten of them.
double tick_of(double length) {
  const double raw = length / 10.0;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw) return factor * power;
  }
  return 10.0 * power;
}

class Svg {
 public:
  explicit Svg(const Picture& picture)
      : picture_(picture),
        window_(shown(picture)),
        lanes_(fill_lanes(picture, window_)),
        lane_height_(lanes_.size() > 20 ? 14 : 26),
        top_(kHeader + kLabels + kBand + kGap),
        bottom_(top_ + static_cast<int>(lanes_.size()) * (lane_height_ + kGap)) {}

  std::string draw() {
    const int width = kLeft + kChart + kRight;
    const int height = bottom_ + 44;
    put(R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" )"
        R"(viewBox="0 0 {0} {1}" font-family="Helvetica, Arial, sans-serif" fill="#1f2937">)"
        R"(<rect width="{0}" height="{1}" fill="#ffffff"/>)"
        "\n",
        width, height);
    put(R"(<text x="16" y="25" font-size="17" font-weight="bold">{}</text>)"
        "\n",
        xml_text(title(picture_)));
    put(R"(<text x="16" y="44" font-size="12" fill="#4b5563">model 'event': {} cycles, {:.4g} ms; )"
        "height of a bar: share of the lane's channels or cores that are busy; right: "
        "mean</text>\n",
        window_.length(), ms(window_.length()));
    draw_layers();
    draw_axis();
    for (std::size_t i = 0; i < lanes_.size(); ++i) draw_lane(i);
    text_ += "</svg>\n";
    return std::move(text_);
  }

 private:
  template <typename... Arguments>
  void put(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
  }

  [[nodiscard]] double ms(std::uint64_t cycles) const {
    return static_cast<double>(cycles) / picture_.device.clock_hz * 1e3;
  }
  [[nodiscard]] double x_of(std::uint64_t cycle) const {
    const std::uint64_t clamped = std::clamp(cycle, window_.begin, window_.end);
    return kLeft + kChart * static_cast<double>(clamped - window_.begin) /
                       static_cast<double>(window_.length());
  }

  void draw_layers() {
    const int y = kHeader + kLabels;
    double free_from = 0.0;  // labels must not run into each other
    std::size_t number = 0;
    for (const LayerBand& band : layer_bands(picture_, window_)) {
      const double begin = x_of(band.cycles.begin);
      const double width = x_of(band.cycles.end) - begin;
      const bool dark = number++ % 2 == 0;
      const std::string name = xml_text(picture_.program.layers.at(band.layer).name);
      put(R"(<rect x="{:.2f}" y="{}" width="{:.2f}" height="{}" fill="{}"><title>{}: {} cycles)"
          "</title></rect>\n",
          begin, y, width, kBand, dark ? "#475569" : "#94a3b8", name, band.cycles.length());
      if (dark) {
        put(R"(<rect x="{:.2f}" y="{}" width="{:.2f}" height="{}" fill="#f1f5f9"/>)"
            "\n",
            begin, top_, width, bottom_ - top_);
      }
      const double middle = begin + width / 2;
      if (width > kLetter * static_cast<double>(name.size())) {
        put(R"(<text x="{:.2f}" y="{}" font-size="11" text-anchor="middle">{}</text>)"
            "\n",
            middle, y - 5, name);
        continue;
      }
      if (width < 2.0 || middle < free_from) continue;
      free_from = middle + kSlantedWidth;
      put(R"~(<text transform="translate({:.2f},{}) rotate(-60)" font-size="9.5">{}</text>)~"
          "\n",
          middle + 3, y - 4, name);
    }
    put(R"(<text x="{}" y="{}" font-size="12" text-anchor="end">layers</text>)"
        "\n",
        kLeft - 8, y + 11);
  }

  void draw_axis() {
    const double first = ms(window_.begin), last = ms(window_.end);
    const double step = tick_of(last - first);
    const auto ticks = static_cast<int>(std::floor(last / step) - std::ceil(first / step)) + 1;
    for (int i = 0; i < ticks; ++i) {
      const double tick = (std::ceil(first / step) + i) * step;
      const double x = kLeft + kChart * (tick - first) / (last - first);
      put(R"(<line x1="{0:.2f}" y1="{1}" x2="{0:.2f}" y2="{2}" stroke="#cbd5e1"/>)"
          R"(<text x="{0:.2f}" y="{3}" font-size="11" text-anchor="middle">{4:.4g}</text>)"
          "\n",
          x, top_, bottom_ + 3, bottom_ + 17, tick);
    }
    put(R"(<text x="{}" y="{}" font-size="11" text-anchor="middle">time, ms</text>)"
        "\n",
        kLeft + kChart / 2, bottom_ + 35);
  }

  void draw_lane(std::size_t index) {
    const Lane& lane = lanes_[index];
    const int y = top_ + static_cast<int>(index) * (lane_height_ + kGap) + lane_height_;
    const std::vector<double> shares =
        busy_shares(lane.busy, window_, kChart, std::max<std::size_t>(lane.units.size(), 1));
    std::string path = fmt::format("M{} {}", kLeft, y);
    double height = 0.0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const double wanted = std::round(shares[i] * lane_height_ * 10.0) / 10.0;
      if (wanted == height) continue;
      path += fmt::format("H{}V{:g}", kLeft + static_cast<int>(i), y - wanted);
      height = wanted;
    }
    path += fmt::format("H{}V{}Z", kLeft + kChart, y);
    const double mean =
        std::accumulate(shares.begin(), shares.end(), 0.0) / static_cast<double>(shares.size());
    put(R"(<line x1="{0}" y1="{1}" x2="{2}" y2="{1}" stroke="#94a3b8" stroke-width="0.5"/>)"
        R"(<path d="{3}" fill="{4}"/>)"
        R"(<text x="{5}" y="{6}" font-size="12" text-anchor="end">{7}</text>)"
        R"(<text x="{8}" y="{6}" font-size="12">{9:.0f}%</text>)"
        "\n",
        kLeft, y, kLeft + kChart, path, lane.colour, kLeft - 8, y - lane_height_ / 2 + 5, lane.name,
        kLeft + kChart + 8, 100.0 * mean);
  }

  const Picture& picture_;
  Cycles window_;
  std::vector<Lane> lanes_;
  int lane_height_, top_, bottom_;
  std::string text_;
};

}  // namespace

std::string gantt_svg(const Picture& picture) {
  return Svg(picture).draw();
}

}  // namespace wbs::aie
