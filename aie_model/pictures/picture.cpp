#include "aie_model/pictures/picture.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wbs::aie {
namespace {

std::uint64_t end_of(const RunResult& run) {
  std::uint64_t end = run.cycles;
  for (const StepTime& step : run.steps) end = std::max(end, step.end);
  return end;
}

}  // namespace

Cycles shown(const Picture& picture) {
  Cycles window{0, end_of(picture.run)};
  if (picture.span.layer) {
    bool found = false;
    for (const LayerBand& band : layer_bands(picture, window)) {
      if (band.layer != *picture.span.layer) continue;
      window = band.cycles;
      found = true;
      break;
    }
    if (!found) window = {0, 0};
  }
  window.end = std::max(window.end, window.begin + 1);
  return window;
}

Cycles inside(const Activity& activity, Cycles window) {
  const std::uint64_t begin = std::clamp(activity.begin, window.begin, window.end);
  return {begin, std::clamp(activity.end, begin, window.end)};
}

std::vector<LayerBand> layer_bands(const Picture& picture, Cycles window) {
  std::vector<LayerBand> bands;
  for (std::size_t i = 0; i < picture.run.steps.size(); ++i) {
    const StepTime& step = picture.run.steps[i];
    const std::uint32_t layer = picture.program.steps[i].layer;
    const auto found = std::find_if(bands.begin(), bands.end(),
                                    [&](const LayerBand& band) { return band.layer == layer; });
    if (found == bands.end()) {
      bands.push_back({layer, {step.begin, step.end}});
    } else {
      found->cycles.end = std::max(found->cycles.end, step.end);
    }
  }
  std::erase_if(bands, [&](const LayerBand& band) {
    return band.cycles.end <= window.begin || band.cycles.begin >= window.end;
  });
  return bands;
}

std::vector<double> busy_shares(const std::vector<Cycles>& busy, Cycles window, std::size_t parts,
                                std::size_t units) {
  std::vector<double> shares(parts, 0.0);
  if (parts == 0 || units == 0) return shares;
  const double width = static_cast<double>(window.length()) / static_cast<double>(parts);
  for (const Cycles& cycles : busy) {
    const double begin = static_cast<double>(cycles.begin - window.begin) / width;
    const double end = static_cast<double>(cycles.end - window.begin) / width;
    const auto last = std::min(parts, static_cast<std::size_t>(end) + 1);
    for (auto part = static_cast<std::size_t>(begin); part < last; ++part) {
      const auto left = static_cast<double>(part);
      shares[part] += std::max(0.0, std::min(end, left + 1.0) - std::max(begin, left));
    }
  }
  for (double& share : shares) share = std::min(1.0, share / static_cast<double>(units));
  return shares;
}

std::string title(const Picture& picture) {
  const Program& program = picture.program;
  std::string text = fmt::format("{} ({}) on {}", program.network, program.pattern, program.device);
  if (picture.span.layer) text += ", layer " + program.layers.at(*picture.span.layer).name;
  return text;
}

std::string xml_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return result;
}

std::string json_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result;
}

}  // namespace wbs::aie
