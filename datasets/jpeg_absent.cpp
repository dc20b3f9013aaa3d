// Stands in for jpeg.cpp in a build without its library.
#include <fmt/format.h>

#include "core/error.hpp"
#include "datasets/image.hpp"

namespace wbs::datasets {

bool reads_jpeg() noexcept {
  return false;
}

Image decode_jpeg(std::string_view /*bytes*/, const std::string& place) {
  throw Error(
      ErrorKind::unsupported,
      fmt::format("{}: this build reads no JPEG images: install the Debian package libjpeg-dev "
                  "and configure again",
                  place));
}

}  // namespace wbs::datasets
