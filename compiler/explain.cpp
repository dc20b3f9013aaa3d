#include "compiler/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace wbs::compiler {
namespace {

constexpr double kNanosecondsPerMillisecond = 1e6;

double milliseconds(const aie::LayerEstimate& layer) {
  return layer.total_ns / kNanosecondsPerMillisecond;
}

bool counts(const aie::TiledLayer& layer) {
  return layer.kind != aie::LayerKind::fully_connected;
}

std::string joined(unsigned notes) {
  return fmt::format("{}", fmt::join(note_names(notes), "; "));
}

}  // namespace

std::vector<ExplainRow> explain(const TiledNetwork& network, const aie::NetworkEstimate& estimate) {
  WBS_ASSERT(estimate.layers.size() == network.layers.size());
  const double total = estimate.published_scope_ns;
  std::vector<ExplainRow> rows;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const aie::LayerEstimate& layer = estimate.layers[i];
    const bool counted = counts(network.layers[i]) && total > 0.0;
    rows.push_back({network.layers[i].name, joined(network.notes[i]), layer.iterations,
                    milliseconds(layer), counted ? layer.total_ns / total : 0.0});
  }
  return rows;
}

std::vector<SplitShare> split_shares(const TiledNetwork& network,
                                     const aie::NetworkEstimate& estimate) {
  unsigned present = 0;
  for (const unsigned notes : network.notes) present |= notes;
  std::vector<SplitShare> shares;
  for (const std::string& name : note_names(present)) shares.push_back({name, 0, 0.0, 0.0});
  shares.push_back({"none", 0, 0.0, 0.0});
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    if (!counts(network.layers[i]) || network.layers[i].kind == aie::LayerKind::concat) continue;
    for (SplitShare& share : shares) {
      const unsigned bit = note_bit(share.split);
      if (bit == 0 ? network.notes[i] != 0 : (network.notes[i] & bit) == 0) continue;
      ++share.layers;
      share.milliseconds += milliseconds(estimate.layers[i]);
    }
  }
  const double total = estimate.published_scope_ns / kNanosecondsPerMillisecond;
  for (SplitShare& share : shares) share.share = total > 0.0 ? share.milliseconds / total : 0.0;
  return shares;
}

std::vector<ContrastRow> contrast(const TiledNetwork& network, const aie::NetworkEstimate& estimate,
                                  const TiledNetwork& other,
                                  const aie::NetworkEstimate& other_estimate) {
  WBS_ASSERT(estimate.layers.size() == network.layers.size());
  WBS_ASSERT(other_estimate.layers.size() == other.layers.size());
  if (network.layers.size() != other.layers.size())
    throw Error(ErrorKind::input, fmt::format("two tilings of one network were expected, not {} of "
                                              "{} layers and {} of {}",
                                              network.network, network.layers.size(), other.network,
                                              other.layers.size()));
  std::vector<ContrastRow> rows;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    if (network.layers[i].name != other.layers[i].name)
      throw Error(ErrorKind::input, fmt::format("two tilings of one network differ at layer {}: "
                                                "'{}' and '{}'",
                                                i, network.layers[i].name, other.layers[i].name));
    const double ours = milliseconds(estimate.layers[i]);
    const double theirs = milliseconds(other_estimate.layers[i]);
    if (ours == theirs || !counts(network.layers[i])) continue;
    rows.push_back({network.layers[i].name, joined(network.notes[i]), joined(other.notes[i]), ours,
                    theirs, ours - theirs});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const ContrastRow& a, const ContrastRow& b) {
    return std::abs(a.difference) > std::abs(b.difference);
  });
  return rows;
}

}  // namespace wbs::compiler
