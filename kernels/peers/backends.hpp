// One entry per library: what peers.cpp ranks. Each is defined in its own file, or, where the
// library was not found, in absent.cpp.
#pragma once

#include <memory>
#include <string>

#include "core/error.hpp"
#include "kernels/peers/contestant.hpp"

namespace wbs::kernels::peers {

using MadePeer = Result<std::unique_ptr<Contestant>>;

/// Version of the library that is linked; the refusal when this build lacks it.
[[nodiscard]] Result<std::string> onednn_version();
[[nodiscard]] MadePeer make_onednn(const Problem& problem, const Setup& setup);
[[nodiscard]] MadePeer make_onednn_winograd(const Problem& problem, const Setup& setup);

[[nodiscard]] Result<std::string> openblas_version();
[[nodiscard]] MadePeer make_openblas(const Problem& problem, const Setup& setup);

[[nodiscard]] Result<std::string> libxsmm_version();
[[nodiscard]] MadePeer make_libxsmm(const Problem& problem, const Setup& setup);

}  // namespace wbs::kernels::peers
