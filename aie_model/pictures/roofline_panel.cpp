#include "aie_model/pictures/roofline_panel.hpp"

#include <optional>
#include <vector>

#include "aie_model/pictures/picture.hpp"

namespace wbs::aie {
namespace {

constexpr double kLabel = 10.0;
constexpr std::size_t kMostLabels = 14, kFewLabels = 5;

/// A layer's dot in a panel.
struct Dot {
  const RooflineLayer* layer = nullptr;
  double x = 0.0, y = 0.0, radius = 0.0;
  bool bounded = false;  ///< by this panel's resource
};

std::string rate(double value) {
  return value >= 10.0 ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value);
}

/// The one of the panel's directions that the layer uses most.
Resource direction_of(const RooflineLayer& layer, const PanelOf& panel) {
  const auto [in, out] = panel.resources;
  return layer.of(in).bytes >= layer.of(out).bytes ? in : out;
}

class Panel {
 public:
  Panel(const Roofline& roofline, const PanelOf& what, const Box& frame, SvgText& svg)
      : roofline_(roofline), what_(what), frame_(frame), svg_(svg) {
    bytes_.from = frame.left;
    bytes_.to = frame.right;
    choose_range();
    rates_ = rate_axis();
  }

  void draw(bool with_rates) {
    axes(with_rates);
    for (const Dot& dot : dots()) {
      if (dot.bounded) allowed(dot);
    }
    lines();
    for (const Dot& dot : dots()) circle(dot);
    labels();
  }

 private:
  [[nodiscard]] double peak(Resource resource) const {
    return roofline_.peak[static_cast<std::size_t>(resource)];
  }

  void choose_range() {
    double low = peak(Resource::core) / peak(what_.resources[0]), high = low;
    for (const RooflineLayer& layer : roofline_.layers) {
      const double intensity = layer.intensity(direction_of(layer, what_));
      if (layer.kept_macs == 0 || !std::isfinite(intensity)) continue;
      low = std::min(low, intensity);
      high = std::max(high, intensity);
    }
    bytes_.low = low / 1.8;
    bytes_.high = high * 1.8;
  }

  /// The axis of multiply-accumulates a cycle, the same in all panels.
  [[nodiscard]] LogAxis rate_axis() const {
    const double top = peak(Resource::core);
    double low = top / 20.0, rate = 1.0;
    for (const RooflineLayer& layer : roofline_.layers) {
      if (layer.kept_macs > 0 && layer.cycles > 0) low = std::min(low, layer.reached());
      rate = std::max(rate, layer.mac_rate);
    }
    return {std::max(low / 1.6, top * 1e-4), top * rate * 1.7, frame_.bottom, frame_.top};
  }

  /// Layers that the cores themselves bound stand out beside the cores' streams.
  [[nodiscard]] bool bounds(Bound bound) const {
    return bound == what_.bound || (bound == Bound::core && what_.bound == Bound::core_stream);
  }

  [[nodiscard]] std::vector<Dot> dots() const {
    std::vector<Dot> result;
    for (const RooflineLayer& layer : roofline_.layers) {
      const double intensity = layer.intensity(direction_of(layer, what_));
      if (layer.kept_macs == 0 || layer.cycles == 0 || !std::isfinite(intensity)) continue;
      const double share = static_cast<double>(layer.cycles) /
                           static_cast<double>(std::max<std::uint64_t>(1, roofline_.total.cycles));
      result.push_back({.layer = &layer,
                        .x = bytes_.clamped(intensity),
                        .y = rates_.clamped(layer.reached()),
                        .radius = std::max(2.2, 44.0 * std::sqrt(share)),
                        .bounded = bounds(bound_of(layer.bound()))});
    }
    std::stable_sort(result.begin(), result.end(),
                     [](const Dot& a, const Dot& b) { return a.radius > b.radius; });
    return result;
  }

  void axes(bool with_rates) {
    svg_.put(R"(<rect x="{:.1f}" y="{:.1f}" width="{}" height="{}" fill="#fbfcfd" )"
             R"(stroke="#6b7280"/>)",
             frame_.left, frame_.top, frame_.right - frame_.left, frame_.bottom - frame_.top);
    svg_.put(R"(<text x="{:.1f}" y="{:.1f}" font-size="13" font-weight="bold" fill="{}">{}</text>)",
             frame_.left, frame_.top - 10, colour_of(what_.bound), what_.title);
    svg_.put(R"(<text x="{:.1f}" y="{:.1f}" font-size="11" text-anchor="middle">kept MAC per byte )"
             "over the {}</text>",
             (frame_.left + frame_.right) / 2, frame_.bottom + 34, what_.axis);
    ticks(bytes_, [&](double value, double x, bool named) {
      svg_.put(R"(<path d="M{:.1f} {:.1f}V{:.1f}" stroke="#e2e6eb" stroke-width="{}"/>)", x,
               frame_.top, frame_.bottom, named ? 1.0 : 0.4);
      if (!named) return;
      svg_.put(R"(<text x="{:.1f}" y="{:.1f}" font-size="11" text-anchor="middle">{:g}</text>)", x,
               frame_.bottom + 16, value);
    });
    ticks(rates_, [&](double value, double y, bool named) {
      svg_.put(R"(<path d="M{:.1f} {:.1f}H{:.1f}" stroke="#e2e6eb" stroke-width="{}"/>)",
               frame_.left, y, frame_.right, named ? 1.0 : 0.4);
      if (!named || !with_rates) return;
      svg_.put(R"(<text x="{:.1f}" y="{:.1f}" font-size="11" text-anchor="end">{:g}</text>)",
               frame_.left - 6, y + 4, value);
    });
  }

  /// Calls `draw(value, position, named)` for 1, 2 and 5 times powers of ten; the first are named,
  /// and all where the axis is short.
  template <typename Draw>
  static void ticks(const LogAxis& axis, Draw draw) {
    const bool all = axis.high / axis.low < 600.0;
    const auto first = static_cast<int>(std::floor(std::log10(axis.low)));
    const auto last = static_cast<int>(std::floor(std::log10(axis.high)));
    for (int exponent = first; exponent <= last; ++exponent) {
      const double ten = std::pow(10.0, exponent);
      for (const double digit : {1.0, 2.0, 5.0}) {
        const double value = digit * ten;
        if (value < axis.low || value > axis.high) continue;
        draw(value, axis.at(value), all || digit == 1.0);
      }
    }
  }

  /// The peak of the array, and what all channels together allow.
  void lines() {
    horizontal(peak(Resource::core), "peak of the array", "");
    double most = 1.0;
    for (const RooflineLayer& layer : roofline_.layers) most = std::max(most, layer.mac_rate);
    if (most > 1.01) horizontal(most * peak(Resource::core), "2:4 unit", "5 3");
    slope(peak(what_.resources[0]), what_.bound == Bound::external ? "all shims" : "all channels");
    if (what_.bound == Bound::external && peak(Resource::dram_read) > 0.0) {
      slope(peak(Resource::dram_read), "DRAM");
    }
  }

  void horizontal(double macs, const char* name, const char* dash) {
    const double y = rates_.clamped(macs);
    svg_.put(R"(<path d="M{:.1f} {:.1f}H{:.1f}" stroke="{}" stroke-width="1.6" )"
             R"(stroke-dasharray="{}"/>)",
             frame_.left, y, frame_.right, colour_of(Bound::core), dash);
    const std::string text = fmt::format("{}: {:g} MAC a cycle", name, macs);
    const double width = text_width(text, kLabel);
    svg_.put(R"(<text x="{:.1f}" y="{:.1f}" font-size="{}" text-anchor="end" fill="{}">{}</text>)",
             frame_.right - 4, y - 4, kLabel, colour_of(Bound::core), text);
    taken_.push_back({frame_.right - 4 - width, y - 14, frame_.right, y + 2});
  }

  /// `bytes` a cycle at every intensity, up to the peak.
  void slope(double bytes, const char* name) {
    const double top = peak(Resource::core);
    const double right = std::min(bytes_.high, top / bytes);
    const double left = std::max(bytes_.low, rates_.low / bytes);
    const double x1 = bytes_.at(left), y1 = rates_.clamped(left * bytes);
    const double x2 = bytes_.at(right), y2 = rates_.clamped(right * bytes);
    svg_.put(R"(<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" stroke="{}" stroke-width="1.6"/>)", x1, y1,
             x2, y2, colour_of(what_.bound));
    const std::string text = fmt::format("{}: {} B a cycle", name, rate(bytes));
    const double angle = std::atan2(y2 - y1, x2 - x1) * 180.0 / 3.14159265358979;
    svg_.put(R"x(<text transform="translate({:.1f} {:.1f}) rotate({:.1f})" font-size="{}" )x"
             R"(fill="{}">{}</text>)",
             x1 + 8, y1 - 12, angle, kLabel, colour_of(what_.bound), text);
  }

  /// From the dot to what the busiest channel of the program allows.
  void allowed(const Dot& dot) {
    const double y = rates_.clamped(dot.layer->ceiling(dot.layer->bound()));
    svg_.put(R"(<path d="M{0:.1f} {1:.1f}V{2:.1f}M{3:.1f} {2:.1f}h6" stroke="{4}" )"
             R"(stroke-width="1" fill="none"/>)",
             dot.x, dot.y, y, dot.x - 3, colour_of(bound_of(dot.layer->bound())));
  }

  void circle(const Dot& dot) {
    svg_.put(R"(<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}" fill="{}" fill-opacity="{}" )"
             R"(stroke="{}" stroke-opacity="{}"><title>{}: {:.0f} MAC a cycle, {:.1f} MAC a byte, )"
             "bound by {}</title></circle>",
             dot.x, dot.y, dot.radius, colour_of(bound_of(dot.layer->bound())),
             dot.bounded ? 0.72 : 0.14, dot.bounded ? "#ffffff" : "#6b7280",
             dot.bounded ? 0.9 : 0.35, xml_text(dot.layer->name), dot.layer->reached(),
             dot.layer->intensity(direction_of(*dot.layer, what_)), to_string(dot.layer->bound()));
  }

  /// Names beside the largest dots that this panel bounds, then beside others, where they cover
  /// neither a name nor the middle of a dot.
  void labels() {
    std::vector<Dot> order = dots();
    std::stable_partition(order.begin(), order.end(), [](const Dot& dot) { return dot.bounded; });
    for (const Dot& dot : order) {
      if (!dot.bounded) continue;
      const double middle = std::min(dot.radius, 4.0);
      taken_.push_back({dot.x - middle, dot.y - middle, dot.x + middle, dot.y + middle});
    }
    std::size_t named = 0;
    for (const Dot& dot : order) {
      if (named == kMostLabels || (!dot.bounded && named >= kFewLabels)) break;
      if (const auto box = place(dot)) {
        taken_.push_back(*box);
        svg_.put(R"(<text x="{:.1f}" y="{:.1f}" font-size="{}" fill="{}">{}</text>)", box->left + 1,
                 box->bottom - 3, kLabel, dot.bounded ? "#111827" : "#8a93a0",
                 xml_text(dot.layer->name));
        ++named;
      }
    }
  }

  /// A free place for the dot's name.
  [[nodiscard]] std::optional<Box> place(const Dot& dot) const {
    const double width = text_width(dot.layer->name, kLabel) + 2, height = kLabel + 3;
    const double away = dot.radius + 2;
    const double slant = 0.7 * dot.radius;
    const std::array<std::pair<double, double>, 6> corners{{
        {dot.x + away, dot.y - height / 2},
        {dot.x - away - width, dot.y - height / 2},
        {dot.x + slant, dot.y + slant},
        {dot.x - slant - width, dot.y + slant},
        {dot.x + slant, dot.y - slant - height},
        {dot.x - width / 2, dot.y + away},
    }};
    for (const auto& [left, top] : corners) {
      const Box box{left, top, left + width, top + height};
      const bool covers = std::any_of(taken_.begin(), taken_.end(),
                                      [&](const Box& other) { return box.meets(other); });
      if (!covers && box.inside(frame_)) return box;
    }
    return std::nullopt;
  }

  const Roofline& roofline_;
  const PanelOf& what_;
  Box frame_;
  LogAxis bytes_, rates_;
  SvgText& svg_;
  std::vector<Box> taken_;
};

}  // namespace

void draw_panel(const Roofline& roofline, const PanelOf& panel, const Box& frame, bool name_rates,
                SvgText& svg) {
  Panel(roofline, panel, frame, svg).draw(name_rates);
}

}  // namespace wbs::aie
