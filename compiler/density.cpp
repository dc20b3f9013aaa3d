#include "compiler/density.hpp"

#include "sparsity/operands.hpp"

namespace wbs::compiler {
namespace {

constexpr double kSparseMode = 0.5;  // the sparse MAC's share of the dense time

double charged(double touched_share, bool sparse_mac) {
  return touched_share * (sparse_mac ? kSparseMode : 1.0);
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
