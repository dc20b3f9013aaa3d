// Steps that can run: every pointer, parameter and packed weight is fixed.
#pragma once

#include <cstddef>
#include <memory>
#include <variant>
#include <vector>

#include "kernels/conv.hpp"
#include "kernels/elementwise.hpp"
#include "networks/graph.hpp"
#include "runtime/batch_statistics.hpp"
#include "runtime/memory_plan.hpp"

namespace wbs::runtime {

/// Where the spaces of a MemoryPlan begin during a run.
struct Spaces {
  std::byte* arena = nullptr;
  const float* input = nullptr;
  float* output = nullptr;

  [[nodiscard]] const void* read(const Place& place) const noexcept;
  [[nodiscard]] void* write(const Place& place) const noexcept;
};

/// dense -> planes.
struct LoadStep {
  kernels::Planes planes;
  float scale = 1.0F;
  Place in, out;
  void run(const Spaces& spaces, int threads) const noexcept;
};

/// planes -> dense, or dense -> dense where `planes` has no channels.
struct UnloadStep {
  kernels::Planes planes;
  float scale = 1.0F;
  std::int64_t elements = 0;
  Place in, out;
  void run(const Spaces& spaces, int threads) const noexcept;
};

struct ConvStep {
  kernels::ConvPlan plan;
  Place in, residual, out;
  bool has_residual = false;
  std::int64_t scratch = 0;
  void run(const Spaces& spaces, int threads) const noexcept;
};

struct PoolStep {
  kernels::Pool pool;
  kernels::Planes in_planes, out_planes;
  Place in, out;
  std::int64_t scratch = 0;
  void run(const Spaces& spaces, int threads) const noexcept;
};

struct GlobalAverageStep {
  kernels::Planes in_planes, out_planes;
  float scale = 1.0F;
  Place in, out;
  void run(const Spaces& spaces, int threads) const noexcept;
};

struct AddStep {
  kernels::Planes planes;
  kernels::Affine how;
  float other_scale = 1.0F;
  Place in, other, out;
  void run(const Spaces& spaces, int threads) const noexcept;
};

/// An affine map of whole planes, or a copy into channels of a concatenation.
struct AffineStep {
  kernels::Planes in_planes, out_planes;
  kernels::Affine how;
  std::int64_t first_channel = 0;
  Place in, out;
  void run(const Spaces& spaces, int threads) const noexcept;
};

/// What of a concatenation does not lie in it already.
struct ConcatStep {
  std::vector<AffineStep> copies;
  void run(const Spaces& spaces, int threads) const noexcept;
};

struct FlattenStep {
  kernels::Planes in_planes, out_planes;
  Place in, out;
  void run(const Spaces& spaces, int threads) const noexcept;
};

/// A batch norm with the statistics of the batch that runs (see batch_statistics.hpp).
struct BatchStatisticsStep {
  std::unique_ptr<BatchNorm> norm;
  kernels::Planes planes;
  Place in, out;
  void run(const Spaces& spaces, int threads) const noexcept;
};

/// Any operator, by the reference interpreter: the only step that allocates.
struct ReferenceStep {
  networks::Node node;
  networks::Weights weights;  ///< those of the node
  struct Input {
    Place place;
    Tensor constant;  ///< where the input is no value
    Shape shape;      ///< else
    bool is_constant = false;
  };
  std::vector<Input> inputs;
  Place out;
  void run(const Spaces& spaces, int threads) const;
};

using Step = std::variant<LoadStep, UnloadStep, ConvStep, PoolStep, GlobalAverageStep, AddStep,
                          AffineStep, ConcatStep, FlattenStep, BatchStatisticsStep, ReferenceStep>;

}  // namespace wbs::runtime
