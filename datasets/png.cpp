#include <fmt/format.h>
#include <png.h>

#include "core/error.hpp"
#include "datasets/image.hpp"

namespace wbs::datasets {

bool reads_png() noexcept {
  return true;
}

Image decode_png(std::string_view bytes, const std::string& place) {
  // libpng's simplified interface: errors come back as a status, without setjmp.
  png_image info{};
  info.version = PNG_IMAGE_VERSION;
  struct Free {
    png_image& info;
    ~Free() { png_image_free(&info); }
  } const free{info};
  const auto damaged = [&place, &info] {
    return Error(ErrorKind::input,
                 fmt::format("{}: not a whole PNG image: {}", place, &info.message[0]));
  };
  if (png_image_begin_read_from_memory(&info, bytes.data(), bytes.size()) == 0) throw damaged();
  Image image{info.height, info.width, {}, 3};
  if (image.height * image.width > kLargestImagePixels) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: {} x {} pixels are too many", place, image.width, image.height));
  }
  info.format = PNG_FORMAT_RGB;
  image.pixels.resize(static_cast<std::size_t>(image.height * image.width * 3));
  const png_color black{0, 0, 0};
  if (png_image_finish_read(&info, &black, image.pixels.data(), 0, nullptr) == 0) throw damaged();
  return image;
}

}  // namespace wbs::datasets
