// The batches of datasets/ as the trainer wants them.
#pragma once

#include <memory>

#include "datasets/dataset.hpp"
#include "datasets/loader.hpp"
#include "trainers/batches.hpp"

namespace wbs::trainers {

/// Batches of `data` under `options`, whose epoch and first batch are set by start(). `data` must
/// outlive them. An image without a label is an Error(input).
[[nodiscard]] std::unique_ptr<BatchSource> loader_batches(const datasets::Dataset& data,
                                                          datasets::LoaderOptions options);

}  // namespace wbs::trainers
