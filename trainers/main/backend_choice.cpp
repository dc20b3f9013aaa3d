#include "trainers/main/backend_choice.hpp"

#include "core/error.hpp"
#ifdef WBS_HAVE_SPARSE_BACKEND
#include "trainers/sparse_backend.hpp"
#endif

namespace wbs::trainers {

BackendChooser backend_chooser(const TrainRequest& request) {
  if (request.backend != "sparse") return {};
#ifdef WBS_HAVE_SPARSE_BACKEND
  const auto threads = static_cast<int>(request.threads);
  return [threads](const SparseLayer& layer, const ProductShape& shape) {
    const auto backend = sparse_backend(shape, layer.pattern, threads);
    return backend ? *backend : dense_backend(shape);
  };
#else
  throw Error(ErrorKind::unsupported, "backend: this build has no sparse kernels for training");
#endif
}

}  // namespace wbs::trainers
