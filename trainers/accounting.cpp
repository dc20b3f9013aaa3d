#include "trainers/accounting.hpp"

namespace wbs::trainers {

void Accounting::add(std::span<const SparseLayer> layers, const Method& method,
                     std::int64_t images) {
  ++steps_;
  for (std::size_t index = 0; index < layers.size(); ++index) {
    const double macs = static_cast<double>(layers[index].macs) * static_cast<double>(images);
    const LayerProducts& products = method.products(index);
    sums_.dense += 3.0 * macs;
    sums_.ff += macs * products.ff_density;
    sums_.bp += macs * products.bp_density;
    sums_.wu += macs * products.wu_density;
  }
}

ProductMacs Accounting::per_step() const noexcept {
  if (steps_ == 0) return {};
  const auto count = static_cast<double>(steps_);
  return {sums_.dense / count, sums_.ff / count, sums_.bp / count, sums_.wu / count};
}

}  // namespace wbs::trainers
