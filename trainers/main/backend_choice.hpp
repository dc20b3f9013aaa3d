// Who computes the products of the sparsified layers.
#pragma once

#include <functional>
#include <memory>

#include "trainers/method.hpp"
#include "trainers/request.hpp"
#include "trainers/sparse_product.hpp"

namespace wbs::trainers {

using BackendChooser =
    std::function<std::shared_ptr<const ProductBackend>(const SparseLayer&, const ProductShape&)>;

/// What `request.backend` asks for; empty for LibTorch's dense products. Layers that the sparse
/// kernels cannot compute (linear ones) stay with LibTorch. Throws Error(unsupported) where this
/// build has no kernels.
[[nodiscard]] BackendChooser backend_chooser(const TrainRequest& request);

}  // namespace wbs::trainers
