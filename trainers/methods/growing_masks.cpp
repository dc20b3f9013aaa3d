#include "trainers/methods/growing_masks.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "sparsity/cover.hpp"
#include "sparsity/prune.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

/// Kept cells per row and column of a mask's grid.
struct Counts {
  explicit Counts(const sparsity::Mask& mask)
      : rows(static_cast<std::size_t>(mask.cell_rows()), 0),
        cols(static_cast<std::size_t>(mask.cell_cols()), 0) {
    for (std::int64_t row = 0; row < mask.cell_rows(); ++row) {
      for (std::int64_t col = 0; col < mask.cell_cols(); ++col) {
        const std::int64_t kept = mask.kept(row, col) ? 1 : 0;
        rows[static_cast<std::size_t>(row)] += kept;
        cols[static_cast<std::size_t>(col)] += kept;
      }
    }
  }
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> cols;
};

void zero_in_order(sparsity::Mask& mask, std::span<const std::int64_t> order, std::int64_t zeros,
                   const GrowthRules& rules) {
  Counts counts(mask);
  std::int64_t zeroed = mask.cells() - mask.kept_cells();
  for (const std::int64_t cell : order) {
    if (zeroed >= zeros) return;
    if (!mask.kept(cell) || (rules.reserved != nullptr && rules.reserved->kept(cell))) continue;
    std::int64_t& in_row = counts.rows[static_cast<std::size_t>(cell / mask.cell_cols())];
    std::int64_t& in_col = counts.cols[static_cast<std::size_t>(cell % mask.cell_cols())];
    if (rules.keep_rows_and_columns && (in_row == 1 || in_col == 1)) continue;
    const std::int64_t column_zeros = mask.cell_rows() - in_col;
    if (rules.zeros_per_column > 0 && column_zeros >= rules.zeros_per_column) continue;
    mask.set(cell, false);
    --in_row;
    --in_col;
    ++zeroed;
  }
}

}  // namespace

void zero_further(sparsity::Mask& mask, std::span<const double> importance, std::int64_t zeros,
                  const GrowthRules& rules) {
  const std::vector<std::int64_t> order = sparsity::ascending_order(importance);
  zero_in_order(mask, order, zeros, rules);
  if (rules.zeros_per_column == 0) return;
  GrowthRules unbalanced = rules;
  unbalanced.zeros_per_column = 0;
  zero_in_order(mask, order, zeros, unbalanced);
}

const std::vector<std::string>& dataless_saliency_names() {
  static const std::vector<std::string> names(saliency_names().begin(),
                                              saliency_names().begin() + 4);
  return names;
}

Result<void> accept_growing(const sparsity::Pattern& pattern, std::string_view method) {
  if (std::holds_alternative<sparsity::NmPattern>(pattern)) {
    return refusal(fmt::format(
        "method {} zeroes a growing share of all cells, and pattern {} fixes the share of every "
        "group; expected block:RxC@RATIO, unstructured@RATIO or channel@RATIO",
        method, sparsity::to_string(pattern)));
  }
  return refuse_dense(pattern, method);
}

GrowingMasks::Grid GrowingMasks::make_grid(const SparseLayer& layer) const {
  const Shape shape = layer.weight.sizes().vec();
  Grid grid{
      sparsity::Mask(shape, sparsity::granularity_of(layer.pattern, sparsity::plane_of(shape))),
      0,
      {},
      0};
  const double ratio = sparsity::nominal_sparsity(layer.pattern);
  grid.target = sparsity::cells_to_prune(ratio, grid.mask.cells());
  if (std::holds_alternative<sparsity::ChannelPattern>(layer.pattern)) {
    grid.target = std::min(grid.target, grid.mask.cells() - 1);
  }
  if (!std::holds_alternative<sparsity::BlockPattern>(layer.pattern)) return grid;
  const std::int64_t rows = grid.mask.cell_rows();
  const std::int64_t cols = grid.mask.cell_cols();
  const std::int64_t most = grid.mask.cells() - std::max(rows, cols);
  grid.target = std::min(grid.target, most);
  if (options_.balance) {
    const auto share = static_cast<std::int64_t>(std::ceil(ratio * static_cast<double>(rows)));
    grid.zeros_per_column = options_.zeros_per_column > 0 ? options_.zeros_per_column : share;
    if (grid.zeros_per_column * cols < grid.target) {
      throw Error(ErrorKind::usage,
                  fmt::format("method {}, layer {}: {} zeros in each of {} block columns are fewer "
                              "than the {} that pattern {} asks for; raise zeros_per_column",
                              name_, layer.name, grid.zeros_per_column, cols, grid.target,
                              sparsity::to_string(layer.pattern)));
    }
  }
  // With fewer cells left than this, zeroing one by one can end early with every cell the last of
  // its row or column. Then a smallest set that covers rows and columns is kept from the start.
  if (grid.mask.cells() - grid.target < rows + cols - 1) {
    grid.reserved = grid.mask;
    sparsity::zero_cells_keeping_rows_and_columns(
        *grid.reserved,
        sparsity::cell_importance(from_torch(layer.weight), grid.mask.granularity(),
                                  static_cast<sparsity::Importance>(options_.importance)),
        most);
  }
  return grid;
}

void GrowingMasks::prepare(const MethodContext& /*context*/) {
  grids_.clear();
  for (std::size_t i = 0; i < count(); ++i) {
    require_fit(options_.importance, layer(i).pattern, name_);
    grids_.push_back(make_grid(layer(i)));
    set_mask(i, grids_[i].mask);
  }
}

void GrowingMasks::require_enough_steps(const StepInfo& info) const {
  StepInfo last = info;
  last.step = info.total_steps - 1;
  last.epoch = info.epochs - 1;
  for (std::size_t i = 0; i < count(); ++i) {
    const Grid& grid = grids_[i];
    const std::int64_t reached = zeros_due(last, grid.mask.cells(), grid.target);
    if (reached >= grid.target) continue;
    throw Error(
        ErrorKind::usage,
        fmt::format("method {}: after {} epochs of {} steps layer {} would have {} zero "
                    "cells instead of {}; train longer or prune in larger steps",
                    name_, info.epochs, info.steps_per_epoch, layer(i).name, reached, grid.target));
  }
}

void GrowingMasks::begin_step(const StepInfo& info) {
  if (info.step == 0) require_enough_steps(info);
  mask_changes_.reset();
  std::int64_t changes = 0;
  for (std::size_t i = 0; i < count(); ++i) {
    Grid& grid = grids_[i];
    const std::int64_t due = std::min(grid.target, zeros_due(info, grid.mask.cells(), grid.target));
    if (grid.mask.cells() - grid.mask.kept_cells() >= due) continue;
    const std::int64_t before = grid.mask.kept_weights();
    GrowthRules rules;
    rules.keep_rows_and_columns = std::holds_alternative<sparsity::BlockPattern>(layer(i).pattern);
    rules.zeros_per_column = grid.zeros_per_column;
    rules.reserved = grid.reserved ? &*grid.reserved : nullptr;
    zero_further(grid.mask,
                 sparsity::cell_importance(from_torch(layer(i).weight), grid.mask.granularity(),
                                           static_cast<sparsity::Importance>(options_.importance)),
                 due, rules);
    set_mask(i, grid.mask);
    changes += before - grid.mask.kept_weights();
  }
  if (changes > 0) mask_changes_ = torch::scalar_tensor(changes, torch::kInt64);
}

void GrowingMasks::exchange(StateArchive& archive) {
  MaskedMethod::exchange(archive);
  for (std::size_t i = 0; i < count(); ++i) {
    Grid& grid = grids_[i];
    const sparsity::Granularity granularity = grid.mask.granularity();
    if (!archive.saving()) {
      grid.mask = sparsity::mask_of_nonzeros(from_torch(mask(i)), granularity);
    }
    if (!grid.reserved) continue;
    torch::Tensor reserved = mask_tensor(*grid.reserved, torch::kCPU);
    archive.tensor("reserved." + layer(i).name, reserved);
    grid.reserved = sparsity::mask_of_nonzeros(from_torch(reserved), granularity);
  }
}

}  // namespace wbs::trainers
