// The quantize stage's artifact: an HDF5 file of 8-bit weights and the scales of everything.
//
// "/layers/NODE/weight": int8 in two's complement, batch norms folded in; "/layers/NODE/scales":
// fp32, one per output channel, weight = int8 * scale; "/layers/NODE/bias": fp32, where there is
// one. "/activations/NODE": one fp32, the scale of what NODE gives, with the attribute zero_point:
// value = (uint8 - zero_point) * scale. The root's attributes say how scales were chosen.
#pragma once

#include <map>
#include <string>

#include "networks/graph.hpp"
#include "networks/quantisation.hpp"

namespace wbs::apps {

/// QuantisedNetwork::calibration of scales that come from no image: right for timing only.
inline constexpr const char* kSeededNoise = "seeded noise";

struct QuantisedLayer {
  networks::QuantisedWeights weights;
  Tensor bias;  ///< no values where the layer has none
};

struct QuantisedNetwork {
  networks::Quantisation quantisation;
  std::map<std::string, QuantisedLayer> layers;  ///< by node name
  /// The root's attributes of these names, set by write_quantised()'s `attributes`; empty in files
  /// without: the pattern of the weights, and the images that gave the scales.
  std::string pattern, calibration;
};

/// Writes the file; returns the digest of all numbers. Throws Error(io).
std::string write_quantised(const std::string& path,
                            const std::map<std::string, std::string>& attributes,
                            const QuantisedNetwork& network);

/// Reads what write_quantised() wrote. Throws Error(input) when the file is damaged or of another
/// kind.
[[nodiscard]] QuantisedNetwork read_quantised(const std::string& path);

}  // namespace wbs::apps
