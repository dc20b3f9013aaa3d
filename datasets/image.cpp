#include "datasets/image.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace wbs::datasets {

Image decode_image(std::string_view bytes, const std::string& place) {
  if (bytes.starts_with("\xff\xd8")) return decode_jpeg(bytes, place);
  if (bytes.starts_with("\x89PNG")) return decode_png(bytes, place);
  const char* what = bytes.empty() ? "the file is empty" : "neither a JPEG nor a PNG image";
  throw Error(ErrorKind::input, fmt::format("{}: {}", place, what));
}

}  // namespace wbs::datasets
