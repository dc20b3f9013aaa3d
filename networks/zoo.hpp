// The model zoo: well-known networks as graphs, by name.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "networks/graph.hpp"

namespace wbs::networks {

/// What a zoo network is built for: image shape and number of classes.
struct ZooRequest {
  std::string_view name;
  Shape input;  ///< [n][c][h][w]
  std::int64_t classes = 1000;
};

/// One network of the zoo.
struct NetworkInfo {
  std::string_view name;              ///< "resnet50"
  std::string_view summary;           ///< one line: variant and source
  std::array<std::int64_t, 3> input;  ///< usual image: channels, height, width
  std::int64_t classes;
  Graph (*build)(const ZooRequest& request);
};

/// Deviations from a network's usual form.
struct BuildOptions {
  std::optional<std::array<std::int64_t, 3>> input = std::nullopt;  ///< channels, height, width
  /// Not given: the network's own, or 10 where an ImageNet network gets its CIFAR stem.
  std::optional<std::int64_t> classes = std::nullopt;
  std::int64_t batch = 1;
};

/// All networks of the zoo in the order in which they are listed.
[[nodiscard]] std::span<const NetworkInfo> networks() noexcept;

/// The network of that name, or nothing.
[[nodiscard]] const NetworkInfo* find_network(std::string_view name) noexcept;

/// The named network with all shapes inferred; weights do not exist yet (see initialise()). Images
/// of at most 64 rows give ResNets and VGGs their CIFAR stem. Throws Error(usage) for an unknown
/// name (with the closest known one), a batch, class count or image below 1, and an image that the
/// network cannot take.
[[nodiscard]] Graph build_network(std::string_view name, const BuildOptions& options = {});

/// Images of at most this many rows get the CIFAR stem.
inline constexpr std::int64_t kCifarStemRows = 64;

}  // namespace wbs::networks
