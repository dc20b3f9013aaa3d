// Seeded weight values for a network that has none.
#pragma once

#include <cstdint>

#include "networks/graph.hpp"

namespace wbs::networks {

/// A value for every weight tensor of `graph`; tensors in `known` are kept. Weights of conv and
/// linear are normal with deviation sqrt(2 / fan-in) (He et al., "Delving deep into rectifiers",
/// 2015), their biases 0; normalisations are scale 1, bias 0, mean 0, variance 1; learned constants
/// are normal with deviation 0.02. Each tensor has the random stream of its key "node/role", so its
/// values depend on the seed, the key and the shape alone. Throws Error(input) when a tensor of
/// `known` has another shape, and when a constant that is not learned is not in `known`: its value
/// is part of the network's definition.
[[nodiscard]] Weights initialise(const Graph& graph, std::uint64_t seed, Weights known = {});

}  // namespace wbs::networks
