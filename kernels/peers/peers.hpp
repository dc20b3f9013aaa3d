// The libraries that we compare with. The only folder that includes their headers.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "kernels/peers/contestant.hpp"

namespace wbs::kernels::peers {

/// One peer, for listings and --peer.
struct PeerInfo {
  std::string_view name;     ///< "onednn"
  std::string_view what;     ///< one line
  std::string_view package;  ///< the Debian package that brings it
  std::string version;       ///< of the library that is linked; empty when absent
  std::string refusal;       ///< why this build does not have it; empty when it does
};

/// All peers, best known first.
[[nodiscard]] std::vector<PeerInfo> list_peers();

/// The layer, prepared by the peer of that name in its preferred formats; the refusal says why it
/// cannot compute this layer, or that this build lacks it. The mask is ignored: peers are dense.
[[nodiscard]] Result<std::unique_ptr<Contestant>> make_peer(std::string_view name,
                                                            const Problem& problem,
                                                            const Setup& setup);

}  // namespace wbs::kernels::peers
