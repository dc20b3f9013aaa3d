// Entries of the libraries that configuration did not find.
#include "kernels/peers/backends.hpp"

namespace wbs::kernels::peers {
namespace {

[[maybe_unused]] tl::unexpected<std::string> absent(const char* library, const char* package) {
  return refusal(std::string("this build has no ") + library + "; install " + package +
                 " and configure again");
}

}  // namespace

#ifndef WBS_HAVE_ONEDNN
Result<std::string> onednn_version() {
  return absent("oneDNN", "libdnnl-dev");
}
MadePeer make_onednn(const Problem&, const Setup&) {
  return absent("oneDNN", "libdnnl-dev");
}
MadePeer make_onednn_winograd(const Problem&, const Setup&) {
  return absent("oneDNN", "libdnnl-dev");
}
#endif

#ifndef WBS_HAVE_OPENBLAS
Result<std::string> openblas_version() {
  return absent("OpenBLAS", "libopenblas-dev");
}
MadePeer make_openblas(const Problem&, const Setup&) {
  return absent("OpenBLAS", "libopenblas-dev");
}
#endif

#ifndef WBS_HAVE_LIBXSMM
Result<std::string> libxsmm_version() {
  return absent("libxsmm", "libxsmm-dev");
}
MadePeer make_libxsmm(const Problem&, const Setup&) {
  return absent("libxsmm", "libxsmm-dev");
}
#endif

}  // namespace wbs::kernels::peers
