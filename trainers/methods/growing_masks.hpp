// Masks whose zeros only become more.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "trainers/methods/masks.hpp"
#include "trainers/methods/saliency.hpp"

namespace wbs::trainers {

/// What zeroing further cells of a grid must not break.
struct GrowthRules {
  bool keep_rows_and_columns = false;  ///< no row and no column of the grid becomes empty
  /// At most so many zeros per column, as long as other cells can go; 0: any number.
  std::int64_t zeros_per_column = 0;
  const sparsity::Mask* reserved = nullptr;  ///< cells that stay
};

/// At least `zeros` cells of `mask` are zero afterwards, the new ones in ascending importance of
/// those that the rules allow; cells that were zero stay so. Fewer where the rules leave no other.
void zero_further(sparsity::Mask& mask, std::span<const double> importance, std::int64_t zeros,
                  const GrowthRules& rules);

/// Weights are zeroed in steps until the pattern's share is reached; what is zero stays zero.
class GrowingMasks : public MaskedMethod {
 public:
  struct Options {
    Saliency importance = Saliency::l2;  ///< one that needs no data
    bool balance = false;                ///< at most zeros_per_column zeros per block column
    std::int64_t zeros_per_column = 0;   ///< 0: the pattern's ratio of the rows, rounded up
  };

  void begin_step(const StepInfo& info) final;
  void exchange(StateArchive& archive) final;

 protected:
  GrowingMasks(Result<void> (*accepts)(const sparsity::Pattern&), std::string_view name,
               const Options& options)
      : MaskedMethod(accepts), name_(name), options_(options) {}

  /// How many of `cells` cells are zero in this step if `target` of them are in the end. Never
  /// falls from step to step.
  [[nodiscard]] virtual std::int64_t zeros_due(const StepInfo& info, std::int64_t cells,
                                               std::int64_t target) const = 0;

 private:
  /// The cells of one layer.
  struct Grid {
    sparsity::Mask mask;
    std::int64_t target = 0;  // zeros in the end
    std::optional<sparsity::Mask> reserved;
    std::int64_t zeros_per_column = 0;
  };

  void prepare(const MethodContext& context) final;
  [[nodiscard]] Grid make_grid(const SparseLayer& layer) const;
  void require_enough_steps(const StepInfo& info) const;

  std::string_view name_;
  Options options_;
  std::vector<Grid> grids_;
};

/// The `importance` option, one of the measures that need no data, and whether a pattern can grow.
[[nodiscard]] const std::vector<std::string>& dataless_saliency_names();
[[nodiscard]] Result<void> accept_growing(const sparsity::Pattern& pattern,
                                          std::string_view method);

}  // namespace wbs::trainers
