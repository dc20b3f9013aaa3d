#include "compiler/density.hpp"

#include "sparsity/operands.hpp"

namespace wbs::compiler {
namespace {

/// Time of the MAC's sparse mode (2:4), as a share of the dense time for the same operands.
constexpr double kSparseModeTime = 0.5;

double charged(double touched_share, bool runs_sparse_mac) {
  return touched_share * (runs_sparse_mac ? kSparseModeTime : 1.0);
}

}  // namespace

LayerDensity nominal_density(const sparsity::Pattern& pattern) {
  return {
      1.0 - sparsity::nominal_sparsity(pattern),
      charged(sparsity::nominal_touched_share(pattern), sparsity::guarantees_sparse_mac(pattern))};
}

LayerDensity measured_density(const Tensor& weights) {
  const sparsity::OperandCount count = sparsity::count_operands(weights);
  return {count.stored_share(), charged(count.touched_share(), count.runs_sparse_mac)};
}

}  // namespace wbs::compiler
