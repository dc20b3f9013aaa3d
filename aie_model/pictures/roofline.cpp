#include "aie_model/pictures/roofline.hpp"

#include <array>

#include "aie_model/pictures/core_time.hpp"
#include "aie_model/pictures/picture.hpp"
#include "aie_model/pictures/roofline_panel.hpp"
#include "aie_model/pictures/svg.hpp"

namespace wbs::aie {
namespace {

constexpr double kWidth = 1240, kHeight = 900, kLeft = 66, kTop = 120, kPanelWidth = 362,
                 kPanelHeight = 350, kGap = 26;

constexpr std::array<PanelOf, 3> kPanels{{
    {Bound::core_stream,
     {Resource::core_in, Resource::core_out},
     "cores and their streams",
     "cores' streams"},
    {Bound::memtile,
     {Resource::memtile_in, Resource::memtile_out},
     "Memtile streams",
     "Memtiles' streams"},
    {Bound::external, {Resource::shim_read, Resource::shim_write}, "shims and DRAM", "shims (DDR)"},
}};

void heading(const Roofline& roofline, SvgText& svg) {
  const RooflineLayer& total = roofline.total;
  svg.put(R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" )"
          R"(viewBox="0 0 {0} {1}" font-family="Helvetica, Arial, sans-serif" fill="#1f2937">)"
          R"(<rect width="{0}" height="{1}" fill="#ffffff"/>)",
          kWidth, kHeight);
  svg.put(R"(<text x="16" y="26" font-size="17" font-weight="bold">{} ({}) on {}: what bounds )"
          "each layer</text>",
          xml_text(roofline.network), xml_text(roofline.pattern), xml_text(roofline.device));
  svg.put(R"(<text x="16" y="46" font-size="12" fill="#4b5563">model 'event'; {:.3f} ms, {:.0f} )"
          "of {:.0f} MAC a cycle; the busiest resource of each "
          "step alone would take {:.3f} ms</text>",
          static_cast<double>(total.cycles) / roofline.clock_hz * 1e3, total.reached(),
          roofline.peak[static_cast<std::size_t>(Resource::core)],
          static_cast<double>(total.least_cycles) / roofline.clock_hz * 1e3);
  double x = 16;
  for (std::size_t i = 0; i < kBounds; ++i) {
    const auto bound = static_cast<Bound>(i);
    std::uint64_t cycles = 0;
    for (const RooflineLayer& layer : roofline.layers) {
      if (bound_of(layer.bound()) == bound) cycles += layer.cycles;
    }
    const std::string text =
        fmt::format("{} {:.0f}%", name_of(bound),
                    100.0 * static_cast<double>(cycles) /
                        static_cast<double>(std::max<std::uint64_t>(1, total.cycles)));
    svg.put(R"(<circle cx="{:.1f}" cy="61" r="5" fill="{}"/>)", x + 5, colour_of(bound));
    svg.put(R"(<text x="{:.1f}" y="65" font-size="12">{}</text>)", x + 14, text);
    x += 30 + text_width(text, 12);
  }
  svg.put(R"(<text x="{:.1f}" y="65" font-size="12" fill="#4b5563">of the time</text>)", x - 8);
  svg.put(
      R"(<text x="16" y="84" font-size="12" fill="#4b5563">A dot is a layer, its area the )"
      "time, its colour the bound. Full: bound by this panel's resource, with a line up to what "
      "the busiest core or channel of this program allows.</text>");
}

}  // namespace

std::string roofline_svg(const Roofline& roofline) {
  SvgText svg;
  heading(roofline, svg);
  for (std::size_t i = 0; i < kPanels.size(); ++i) {
    const double left = kLeft + static_cast<double>(i) * (kPanelWidth + kGap);
    draw_panel(roofline, kPanels[i], {left, kTop, left + kPanelWidth, kTop + kPanelHeight}, i == 0,
               svg);
  }
  svg.put(R"x(<text transform="translate(16 {:.1f}) rotate(-90)" font-size="11" )x"
          R"(text-anchor="middle">kept MAC a cycle, whole array</text>)",
          kTop + kPanelHeight / 2);
  const double top = kTop + kPanelHeight + 92;
  svg.put(R"(<text x="{}" y="{:.1f}" font-size="13" font-weight="bold">What the cycles of all )"
          "cores go into, layer by layer along the time</text>",
          kLeft, top - 26);
  draw_core_time(roofline, {kLeft, top, kWidth - 26, top + 200}, svg);
  svg.put("</svg>");
  return svg.take();
}

}  // namespace wbs::aie
