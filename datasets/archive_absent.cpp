// Stands in for archive.cpp in a build without its library.
#include <fmt/format.h>

#include "core/error.hpp"
#include "datasets/archive.hpp"

namespace wbs::datasets {

void for_each_member(const std::string& path, std::int64_t /*limit_bytes*/,
                     const std::function<bool(std::string_view)>& /*wanted*/,
                     const std::function<void(std::string_view, std::string)>& /*use*/) {
  throw Error(ErrorKind::unsupported,
              fmt::format("{}: this build reads no archives: install the Debian package "
                          "libarchive-dev and configure again, or unpack it and name the folder",
                          path));
}

}  // namespace wbs::datasets
