// How many threads OpenMP libraries use when this thread calls them.
#pragma once

namespace wbs::kernels::peers {

/// The next call of an OpenMP library from this thread uses `threads` threads. Cheap: a write to a
/// variable of this thread.
void use_library_threads(int threads) noexcept;

}  // namespace wbs::kernels::peers
