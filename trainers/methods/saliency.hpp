// Which weights matter: norms and variances, and the measures that need data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.hpp"
#include "sparsity/importance.hpp"
#include "sparsity/mask.hpp"
#include "trainers/method.hpp"

namespace wbs::trainers {

enum class Saliency { l2, l1, variance_block, variance_tensor, gradient, hessian, fisher };

/// Their names, in the order of the enumeration; the first four need no data.
[[nodiscard]] const std::vector<std::string>& saliency_names();
[[nodiscard]] constexpr bool needs_data(Saliency saliency) noexcept {
  return saliency >= Saliency::gradient;
}

/// Throws Error(unsupported) for the variance of a block where `pattern` prunes single weights.
void require_fit(Saliency saliency, const sparsity::Pattern& pattern, std::string_view method);

/// Values per weight and how those of a block are put together: sparsity::prune(values, pattern,
/// {measure}) ranks by them. Groups of N:M and single weights rank by magnitude of the values.
struct Scores {
  Tensor values;
  sparsity::Importance measure = sparsity::Importance::l2;
};

struct SaliencyRequest {
  Saliency saliency = Saliency::l2;
  std::int64_t iterations = 10;  ///< Rademacher vectors of the Hessian's estimate
  std::int64_t batches = 32;     ///< calibration batches at most; 0: all of the context
};

/// The scores of every layer. With w the weights, g the gradient of the mean loss of a calibration
/// batch, averaged over ranks, sums over the weights of a block:
/// - gradient: sum of w^2 |mean of g| (arXiv 2407.09453, scheme e);
/// - fisher: sum of w^2 mean of g^2, the empirical Fisher information of batches (not of single
///   images), as in arXiv 1801.05787;
/// - hessian: |mean over the block of the Hessian's diagonal| * sum of w^2. The diagonal is
///   Hutchinson's estimate v * (H v) with Rademacher vectors v, iteration k on batch k modulo their
///   number (arXiv 2407.09453, scheme d; the product of trace and squared norm is that of HAWQ-V2,
///   arXiv 1911.03852). For patterns of single weights the block is the weight.
/// Throws Error(unsupported) when data is needed and the context has none. Collective.
[[nodiscard]] std::vector<Scores> scores_of(const std::vector<SparseLayer>& layers,
                                            const MethodContext& context,
                                            const SaliencyRequest& request);

/// The mask of `pattern` for these scores.
[[nodiscard]] sparsity::Mask mask_of(const Scores& scores, const sparsity::Pattern& pattern);

}  // namespace wbs::trainers
