#include "compiler/codegen/shim_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "core/error.hpp"

namespace wbs::compiler {
namespace {

/// Channels of a shim and direction that a group may use, each with links of its own.
constexpr std::int64_t kChannels = 2;
constexpr std::size_t kEast = 2, kWest = 3;  // of TileLimits::masters and slaves

std::size_t at(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

/// Serves columns in their order with at most `most` a shim; the least sum of distances.
class Division {
 public:
  Division(const std::vector<std::int64_t>& shims, std::int64_t columns, std::int64_t most)
      : shims_(shims), columns_(columns) {
    const std::size_t width = at(columns + 1);
    best_.assign((shims.size() + 1) * width, kFar);
    taken_.assign(best_.size(), 0);
    best_[0] = 0;
    for (std::size_t s = 0; s < shims.size(); ++s) {
      for (std::int64_t end = 0; end <= columns; ++end) {
        std::int64_t way = 0;
        for (std::int64_t count = 0; count <= std::min(most, end); ++count) {
          if (count > 0) way += std::abs(end - count - shims[s]);
          const std::int64_t before = best_[s * width + at(end - count)];
          std::int64_t& best = best_[(s + 1) * width + at(end)];
          if (before == kFar || before + way >= best) continue;
          best = before + way;
          taken_[(s + 1) * width + at(end)] = count;
        }
      }
    }
  }

  [[nodiscard]] bool possible() const { return best_.back() != kFar; }

  [[nodiscard]] std::vector<ShimMap::Group> groups() const {
    std::vector<ShimMap::Group> groups;
    std::int64_t end = columns_;
    for (std::size_t s = shims_.size(); s-- > 0;) {
      const std::int64_t count = taken_[(s + 1) * at(columns_ + 1) + at(end)];
      if (count == 0) continue;
      ShimMap::Group& group = groups.emplace_back();
      group.shim = shims_[s];
      for (std::int64_t c = end - count; c < end; ++c) group.columns.push_back(c);
      end -= count;
    }
    std::reverse(groups.begin(), groups.end());
    return groups;
  }

 private:
  static constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::int64_t>& shims_;
  std::int64_t columns_;
  std::vector<std::int64_t> best_, taken_;  ///< by shims used, columns served
};

/// Whether streams of all groups find links between neighbouring shim tiles. Loads run away from
/// the shim and stores towards it, so a group takes links in both directions.
bool links_suffice(const std::vector<ShimMap::Group>& groups, const aie::Device& device) {
  const aie::TileLimits& shim = device.silicon.shim;
  const std::int64_t links =
      std::min({shim.masters[kEast], shim.masters[kWest], shim.slaves[kEast], shim.slaves[kWest]});
  for (std::int64_t column = 0; column + 1 < device.columns; ++column) {
    std::int64_t crossing = 0;
    for (const ShimMap::Group& group : groups) {
      const bool east = group.shim <= column && group.columns.back() > column;
      const bool west = group.shim > column && group.columns.front() <= column;
      crossing += east || west ? kChannels : 0;
    }
    if (crossing > links) return false;
  }
  return true;
}

}  // namespace

std::vector<std::int64_t> shim_columns(const aie::Device& device) {
  const auto& listed = device.silicon.shim_columns;
  std::vector<std::int64_t> columns(listed.begin(), listed.end());
  for (std::int64_t c = 0; listed.empty() && c < device.columns; ++c) columns.push_back(c);
  std::sort(columns.begin(), columns.end());
  return columns;
}

std::int64_t columns_per_shim(const aie::Device& device) {
  const auto shims = static_cast<std::int64_t>(device.silicon.shim_columns.size());
  return shims == 0 ? 1 : (device.columns + shims - 1) / shims;
}

std::int64_t most_shared_columns(const aie::Device& device) {
  return std::max<std::int64_t>(1, device.silicon.shim.descriptors / 2);
}

std::int64_t weights_home(const aie::Device& device, std::int64_t row) {
  const auto& listed = device.silicon.shim_columns;
  if (listed.empty()) return row % device.columns;
  return listed[at(row) % listed.size()];
}

ShimMap::ShimMap(const aie::Device& device) {
  const std::vector<std::int64_t> shims = shim_columns(device);
  for (std::int64_t most = columns_per_shim(device); most <= device.columns; ++most) {
    const Division division(shims, device.columns, most);
    if (!division.possible()) continue;
    groups_ = division.groups();
    if (links_suffice(groups_, device)) return;
  }
  throw Error(ErrorKind::unsupported,
              fmt::format("device '{}': {} columns cannot share {} shims: {} streams each way "
                          "between columns do not fit the {} to {} links of the shim row",
                          device.name, device.columns, shims.size(), kChannels,
                          device.silicon.shim.masters[kEast], device.silicon.shim.masters[kWest]));
}

bool ShimMap::any_shared() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const Group& g) { return g.shared(); });
}

}  // namespace wbs::compiler
