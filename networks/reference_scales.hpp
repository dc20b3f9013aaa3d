// Scales of activations from runs of the reference interpreter: for small networks and few images.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "networks/graph.hpp"
#include "networks/quantisation.hpp"

namespace wbs::networks {

/// The scale of every node's result over `images`, each a batch of the graph's input shape. Throws
/// Error(input) without images, for images of another shape and for results that are not finite.
[[nodiscard]] Quantisation reference_scales(const Graph& graph, const Weights& weights,
                                            std::span<const Tensor> images,
                                            const QuantisationOptions& options = {});

/// `count` images of seeded normal values in the shape of the graph's input, batch 1.
[[nodiscard]] std::vector<Tensor> random_images(const Graph& graph, std::uint64_t seed,
                                                std::size_t count);

}  // namespace wbs::networks
