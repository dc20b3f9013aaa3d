#include "aie_model/pictures/heatmap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>
#include <tuple>

namespace wbs::aie {
namespace {

constexpr int kLeft = 110, kTop = 82, kWidth = 76, kHeight = 52, kSpace = 4;

/// From nearly white to dark blue; equal steps look about equally far apart.
std::string colour_of(double share) {
  constexpr std::array<std::array<double, 3>, 5> kScale{
      {{247, 250, 253}, {198, 219, 239}, {107, 164, 208}, {33, 102, 172}, {5, 48, 97}}};
  const double place = std::clamp(share, 0.0, 1.0) * (kScale.size() - 1);
  const auto low = std::min(static_cast<std::size_t>(place), kScale.size() - 2);
  const double part = place - static_cast<double>(low);
  std::array<int, 3> rgb{};
  for (std::size_t i = 0; i < rgb.size(); ++i) {
    rgb[i] = static_cast<int>(
        std::lround(kScale[low][i] + part * (kScale[low + 1][i] - kScale[low][i])));
  }
  return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

double mean_of(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return values.empty() ? 0.0 : sum / static_cast<double>(values.size());
}

class Svg {
 public:
  explicit Svg(const Picture& picture) : picture_(picture), use_(array_use(picture)) {}

  std::string draw() {
    const auto columns = static_cast<int>(picture_.device.columns);
    const auto rows = static_cast<int>(picture_.device.rows);
    const int width = std::max(kLeft + columns * kWidth + 30, 560);
    const int height = kTop + (rows + 2) * kHeight + 90;
    const double most = *std::max_element(use_.cores.begin(), use_.cores.end());
    const double least = *std::min_element(use_.cores.begin(), use_.cores.end());
    put(R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" )"
        R"(viewBox="0 0 {0} {1}" font-family="Helvetica, Arial, sans-serif" fill="#1f2937">)"
        R"(<rect width="{0}" height="{1}" fill="#ffffff"/>)"
        "\n",
        width, height);
    put(R"(<text x="16" y="26" font-size="17" font-weight="bold">{}</text>)"
        "\n",
        xml_text(title(picture_)));
    put(R"(<text x="16" y="46" font-size="12" fill="#4b5563">model 'event'; share of the time in )"
        "which cores compute: mean {:.1f}%, {:.1f} to {:.1f}%</text>\n",
        100.0 * mean_of(use_.cores), 100.0 * least, 100.0 * most);
    put(R"(<text x="16" y="62" font-size="12" fill="#4b5563">Memtiles and shims: the busiest DMA )"
        "channel, waiting included</text>\n");
    for (int row = rows - 1; row >= 0; --row) {
      const int line = rows - 1 - row;
      label(line, fmt::format("cores, row {}", row));
      for (int column = 0; column < columns; ++column) {
        const double share =
            use_.cores[static_cast<std::size_t>(column) * static_cast<std::size_t>(rows) +
                       static_cast<std::size_t>(row)];
        cell(column, line, share, {fmt::format("{:.1f}%", 100.0 * share)});
      }
    }
    channels(rows, "Memtiles", use_.memtile_in, use_.memtile_out);
    channels(rows + 1, "shims", use_.shim_in, use_.shim_out);
    for (int column = 0; column < columns; ++column) {
      put(R"(<text x="{}" y="{}" font-size="12" text-anchor="middle">{}</text>)"
          "\n",
          kLeft + column * kWidth + kWidth / 2, kTop + (rows + 2) * kHeight + 16, column);
    }
    legend(kTop + (rows + 2) * kHeight + 36);
    text_ += "</svg>\n";
    return std::move(text_);
  }

 private:
  template <typename... Arguments>
  void put(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
  }

  void label(int line, const std::string& name) {
    put(R"(<text x="{}" y="{}" font-size="12" text-anchor="end">{}</text>)"
        "\n",
        kLeft - 10, kTop + line * kHeight + kHeight / 2 + 4, name);
  }

  void cell(int column, int line, double share, const std::vector<std::string>& lines) {
    const int x = kLeft + column * kWidth, y = kTop + line * kHeight;
    put(R"(<rect x="{}" y="{}" width="{}" height="{}" rx="3" fill="{}" stroke="#94a3b8"/>)", x, y,
        kWidth - kSpace, kHeight - kSpace, colour_of(share));
    const int middle = y + (kHeight - kSpace) / 2 + 5 - 7 * (static_cast<int>(lines.size()) - 1);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      put(R"(<text x="{}" y="{}" font-size="{}" text-anchor="middle" fill="{}">{}</text>)",
          x + (kWidth - kSpace) / 2, middle + 15 * static_cast<int>(i), lines.size() > 1 ? 11 : 13,
          share > 0.55 ? "#ffffff" : "#1f2937", lines[i]);
    }
    text_ += "\n";
  }

  void channels(int line, const char* name, const std::vector<double>& in,
                const std::vector<double>& out) {
    label(line, name);
    for (std::size_t column = 0; column < in.size(); ++column) {
      cell(static_cast<int>(column), line, std::max(in[column], out[column]),
           {fmt::format("in {:.0f}%", 100.0 * in[column]),
            fmt::format("out {:.0f}%", 100.0 * out[column])});
    }
  }

  void legend(int y) {
    constexpr int kSteps = 50, kStep = 5;
    for (int i = 0; i < kSteps; ++i) {
      put(R"(<rect x="{}" y="{}" width="{}" height="14" fill="{}"/>)", kLeft + i * kStep, y,
          kStep + 1, colour_of((i + 0.5) / kSteps));
    }
    for (int percent = 0; percent <= 100; percent += 25) {
      put(R"(<text x="{}" y="{}" font-size="11" text-anchor="middle">{}%</text>)",
          kLeft + percent * kSteps * kStep / 100, y + 28, percent);
    }
    text_ += "\n";
  }

  const Picture& picture_;
  ArrayUse use_;
  std::string text_;
};

}  // namespace

ArrayUse array_use(const Picture& picture) {
  const auto columns = static_cast<std::size_t>(picture.device.columns);
  ArrayUse use;
  use.cores.resize(static_cast<std::size_t>(picture.device.cores()));
  use.memtile_in.resize(columns);
  use.memtile_out.resize(columns);
  use.shim_in.resize(columns);
  use.shim_out.resize(columns);
  const Cycles window = shown(picture);
  std::map<std::tuple<TileId, Activity::Kind, std::uint8_t>, double> busy;
  for (const Activity& activity : picture.run.activities) {
    busy[{activity.tile, activity.kind, activity.channel}] +=
        static_cast<double>(inside(activity, window).length());
  }
  for (const auto& [who, cycles] : busy) {
    const auto& [tile, kind, channel] = who;
    const double share = std::min(1.0, cycles / static_cast<double>(window.length()));
    const auto column = static_cast<std::size_t>(tile.column);
    const bool out = kind == Activity::Kind::mm2s;
    if (kind == Activity::Kind::reconfigure) continue;
    if (kind == Activity::Kind::kernel) {
      use.cores.at(column * static_cast<std::size_t>(picture.device.rows) +
                   static_cast<std::size_t>(tile.row)) = share;
    } else if (tile.kind != TileKind::core) {
      std::vector<double>& shares = tile.kind == TileKind::memtile
                                        ? (out ? use.memtile_out : use.memtile_in)
                                        : (out ? use.shim_out : use.shim_in);
      shares.at(column) = std::max(shares.at(column), share);
    }
  }
  return use;
}

std::string heatmap_svg(const Picture& picture) {
  return Svg(picture).draw();
}

}  // namespace wbs::aie
