// Scales for 8-bit activations and statistics for batch norms, from images.
#pragma once

#include <functional>

#include "networks/graph.hpp"
#include "networks/quantisation.hpp"
#include "runtime/executor.hpp"

namespace wbs::runtime {

/// Gives the next batch of images ([n][c][h][w], always the same n), or nothing at the end.
using BatchSource = std::function<const Tensor*()>;

/// The scales of all activations of the network, from fp32 runs over the images. Throws
/// Error(input) without images, and when an activation is not finite (named).
[[nodiscard]] networks::Quantisation calibrate(const networks::Graph& graph,
                                               const networks::Weights& weights, const Masks& masks,
                                               const BatchSource& images,
                                               const networks::QuantisationOptions& options,
                                               int threads);

/// Scales from a few seeded random images: right for timing and for tests, not for accuracy.
[[nodiscard]] networks::Quantisation nominal_quantisation(
    const networks::Graph& graph, const networks::Weights& weights,
    const networks::QuantisationOptions& options = {networks::RangeMethod::maximum, false});

/// Rewrites every batch norm in `weights` so that its mean and variance are those of its input over
/// the images, and the network's function is the same. Exported networks often have mean 0 and
/// variance 1 everywhere, with the real ones inside scale and bias; recalibrate_batch_norms() needs
/// the real ones. Returns how many batch norms there are.
std::int64_t restate_batch_norms(const networks::Graph& graph, networks::Weights& weights,
                                 const Masks& masks, const BatchSource& images, int threads);

/// Replaces mean and variance of every batch norm in `weights` by those of its input over the
/// images, where the batch norms before it normalise by the statistics of their batch (as in
/// training; a batch of many images gives nearly exact results). Returns how many there are.
std::int64_t recalibrate_batch_norms(const networks::Graph& graph, networks::Weights& weights,
                                     const Masks& masks, const BatchSource& images, int threads);

}  // namespace wbs::runtime
