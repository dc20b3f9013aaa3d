#include "kernels/peers/library_threads.hpp"

// Of the OpenMP standard. Declared here because omp.h belongs to a compiler: the one that lints may
// have none.
extern "C" void omp_set_num_threads(int threads);

namespace wbs::kernels::peers {

void use_library_threads(int threads) noexcept {
  omp_set_num_threads(threads);
}

}  // namespace wbs::kernels::peers
