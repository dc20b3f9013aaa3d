#include "kernels/peers/peers.hpp"

#include <array>
#include <vector>

#include "kernels/peers/backends.hpp"

namespace wbs::kernels::peers {
namespace {

struct Entry {
  std::string_view name;
  std::string_view what;
  std::string_view package;
  Result<std::string> (*version)();
  MadePeer (*make)(const Problem&, const Setup&);
};

constexpr std::array<Entry, 4> kPeers{{
    {"onednn", "direct convolution, inner product; fp32, bf16, int8; fused epilogue", "libdnnl-dev",
     onednn_version, make_onednn},
    {"onednn-winograd", "Winograd convolution, fp32 3x3 stride 1; fused epilogue", "libdnnl-dev",
     onednn_version, make_onednn_winograd},
    {"openblas", "sgemm of 1x1 convolutions and matrix products; epilogue in a second pass",
     "libopenblas-dev", openblas_version, make_openblas},
    {"libxsmm", "generated small sgemm tiles of 1x1 convolutions; epilogue per tile", "libxsmm-dev",
     libxsmm_version, make_libxsmm},
}};

}  // namespace

Shape output_shape(const ConvShape& shape) {
  return {shape.images, shape.out_channels, shape.out_height(), shape.out_width()};
}

std::vector<PeerInfo> list_peers() {
  std::vector<PeerInfo> list;
  for (const Entry& entry : kPeers) {
    const Result<std::string> version = entry.version();
    list.push_back({entry.name, entry.what, entry.package, version.value_or(""),
                    version ? std::string() : version.error()});
  }
  return list;
}

Result<std::unique_ptr<Contestant>> make_peer(std::string_view name, const Problem& problem,
                                              const Setup& setup) {
  for (const Entry& entry : kPeers) {
    if (entry.name == name) return entry.make(problem, setup);
  }
  return refusal("no peer '" + std::string(name) + "'");
}

}  // namespace wbs::kernels::peers
