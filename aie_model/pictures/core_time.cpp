#include "aie_model/pictures/core_time.hpp"

#include <array>

#include "aie_model/pictures/picture.hpp"

namespace wbs::aie {
namespace {

constexpr double kStrip = 12.0, kLabel = 9.5;

struct Part {
  std::string_view name, colour;
  double CoreTime::* share;
};
constexpr std::array<Part, 6> kParts{{
    {"kept MACs", "#14532d", &CoreTime::multiply},
    {"filled-up lanes, pools", "#4d9f5e", &CoreTime::fill},
    {"loops waiting", "#a8cf8e", &CoreTime::waits},
    {"results: rounding, stores", "#e3c567", &CoreTime::results},
    {"starts", "#c98b4b", &CoreTime::starts},
    {"idle", "#e5e7eb", &CoreTime::idle},
}};

void draw_layer(const RooflineLayer& layer, const Box& area, SvgText& svg) {
  const double width = area.right - area.left;
  svg.put(R"(<g><title>{}: {} cycles, bound by {}</title>)", xml_text(layer.name), layer.cycles,
          to_string(layer.bound()));
  svg.put(R"(<rect x="{:.2f}" y="{:.1f}" width="{:.2f}" height="{:.1f}" fill="{}"/>)", area.left,
          area.top - kStrip - 3, width, kStrip, colour_of(bound_of(layer.bound())));
  double bottom = area.bottom;
  for (const Part& part : kParts) {
    const double height = (area.bottom - area.top) * (layer.core.*part.share) / layer.core.total();
    svg.put(R"(<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" fill="{}"/>)", area.left,
            bottom - height, width, height, part.colour);
    bottom -= height;
  }
  svg.put(R"(<path d="M{0:.2f} {1:.1f}V{2:.1f}" stroke="#ffffff" stroke-width="0.8"/></g>)",
          area.right, area.top - kStrip - 3, area.bottom);
}

void draw_name(const RooflineLayer& layer, const Box& area, SvgText& svg) {
  if (area.right - area.left < kLabel + 1.5) return;
  svg.put(R"x(<text transform="translate({:.1f} {:.1f}) rotate(-55)" font-size="{}" )x"
          R"(text-anchor="end">{}</text>)",
          (area.left + area.right) / 2 + 4, area.bottom + 10, kLabel, xml_text(layer.name));
}

void draw_axis(const Box& area, SvgText& svg) {
  for (int percent = 0; percent <= 100; percent += 25) {
    const double y = area.bottom - (area.bottom - area.top) * percent / 100.0;
    svg.put(R"(<text x="{:.1f}" y="{:.1f}" font-size="11" text-anchor="end">{}%</text>)",
            area.left - 6, y + 4, percent);
    svg.put(R"(<path d="M{:.1f} {:.1f}h-4" stroke="#6b7280"/>)", area.left, y);
  }
  svg.put(R"(<text x="{:.1f}" y="{:.1f}" font-size="11" text-anchor="end">bound</text>)",
          area.left - 6, area.top - 6);
}

void draw_legends(const Roofline& roofline, const Box& area, SvgText& svg) {
  const double y = area.bottom + 126;
  double x = area.left;
  for (const Part& part : kParts) {
    const std::string text = fmt::format(
        "{} {:.0f}%", part.name,
        100.0 * (roofline.total.core.*part.share) / std::max(1.0, roofline.total.core.total()));
    svg.put(R"(<rect x="{:.1f}" y="{:.1f}" width="11" height="11" fill="{}"/>)", x, y - 10,
            part.colour);
    svg.put(R"(<text x="{:.1f}" y="{:.1f}" font-size="11">{}</text>)", x + 15, y, text);
    x += 15 + text_width(text, 11) + 12;
  }
}

}  // namespace

Bound bound_of(Resource resource) noexcept {
  switch (resource) {
    case Resource::core:
      return Bound::core;
    case Resource::core_in:
    case Resource::core_out:
      return Bound::core_stream;
    case Resource::memtile_in:
    case Resource::memtile_out:
      return Bound::memtile;
    case Resource::shim_read:
    case Resource::shim_write:
    case Resource::dram_read:
    case Resource::dram_write:
      return Bound::external;
    case Resource::reconfigure:
      break;
  }
  return Bound::reconfigure;
}

std::string_view name_of(Bound bound) noexcept {
  constexpr std::array<std::string_view, kBounds> kNames{"cores", "core streams", "Memtile streams",
                                                         "shims and DRAM", "reconfiguration"};
  return kNames[static_cast<std::size_t>(bound)];
}

std::string_view colour_of(Bound bound) noexcept {
  constexpr std::array<std::string_view, kBounds> kColours{"#2f7d45", "#2563a8", "#8b4fa8",
                                                           "#c2571a", "#7b8794"};
  return kColours[static_cast<std::size_t>(bound)];
}

void draw_core_time(const Roofline& roofline, const Box& area, SvgText& svg) {
  const double scale =
      (area.right - area.left) / std::max(1.0, static_cast<double>(roofline.total.cycles));
  double x = area.left;
  for (const RooflineLayer& layer : roofline.layers) {
    if (layer.cycles == 0) continue;
    const double width = static_cast<double>(layer.cycles) * scale;
    const Box own{x, area.top, x + width, area.bottom};
    draw_layer(layer, own, svg);
    draw_name(layer, own, svg);
    x += width;
  }
  draw_axis(area, svg);
  draw_legends(roofline, area, svg);
}

}  // namespace wbs::aie
