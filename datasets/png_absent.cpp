// Stands in for png.cpp in a build without its library.
#include <fmt/format.h>

#include "core/error.hpp"
#include "datasets/image.hpp"

namespace wbs::datasets {

bool reads_png() noexcept {
  return false;
}

Image decode_png(std::string_view /*bytes*/, const std::string& place) {
  throw Error(
      ErrorKind::unsupported,
      fmt::format("{}: this build reads no PNG images: install the Debian package libpng-dev "
                  "and configure again",
                  place));
}

}  // namespace wbs::datasets
