// How long a training step takes under a method, beside the same step of the dense network.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "networks/graph.hpp"
#include "trainers/graph_module.hpp"
#include "trainers/recipe.hpp"

namespace wbs::trainers {

/// What is timed: forward, backward, the method's work and the optimiser, on one batch of random
/// images. Both networks start from the same weights.
struct StepBench {
  networks::Graph graph;
  networks::Weights weights;
  SparseChoice choice;
  Recipe recipe;
  std::uint64_t seed = 1;
  torch::Device device = torch::kCPU;
  Method* method = nullptr;
  Method* dense = nullptr;
  /// Of the method's layers; empty: LibTorch.
  std::function<std::shared_ptr<const ProductBackend>(const SparseLayer&, const ProductShape&)>
      backend;
  std::int64_t steps = 10;  ///< timed, of each, in turn
};

/// {step_ms, dense_step_ms, speedup, spread, dense_spread, steps, first_loss, dense_first_loss}:
/// medians, interquartile ranges over the medians, and the losses before any update.
[[nodiscard]] nlohmann::json measure_steps(const StepBench& bench);

/// One layer's products: median milliseconds of FF and BP together under `backend` and under
/// LibTorch's dense products, on random values. {ms, dense_ms, speedup, spread, dense_spread,
/// relative_difference: of the input gradients, over the largest}.
struct LayerBench {
  std::int64_t batch = 64;
  std::int64_t in = 256, out = 256, size = 14, kernel = 3;
  sparsity::Pattern pattern;
  std::int64_t runs = 9;
};
[[nodiscard]] nlohmann::json measure_products(const LayerBench& bench,
                                              const ProductBackend& backend,
                                              const ProductBackend& dense);

}  // namespace wbs::trainers
