#include <fmt/format.h>

#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE

#include <jerror.h>
#include <jpeglib.h>

#include "core/error.hpp"
#include "datasets/image.hpp"

namespace wbs::datasets {
namespace {

/// libjpeg reports by callbacks out of C code, through which no exception may pass: they leave the
/// message here and jump back.
struct Failure {
  jpeg_error_mgr manager;  // first: libjpeg hands back a pointer to it
  std::jmp_buf back;
  std::array<char, JMSG_LENGTH_MAX> message;
};

void fail(j_common_ptr info) {
  auto* failure = reinterpret_cast<Failure*>(info->err);
  failure->manager.format_message(info, failure->message.data());
  std::longjmp(failure->back, 1);
}

/// Damaged data is a warning for libjpeg, which goes on with grey pixels; here it is an error,
/// except where no pixel is lost.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  const int code = info->err->msg_code;
  if (code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR) fail(info);
}

enum class Outcome { decoded, damaged, unsupported };

/// Nothing in here has a destructor that the jump could skip.
Outcome read_header(jpeg_decompress_struct& info, Failure& failure, std::string_view bytes) {
  if (setjmp(failure.back) != 0) return Outcome::damaged;
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  (void)jpeg_read_header(&info, TRUE);
  if (info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK) {
    return Outcome::unsupported;
  }
  info.out_color_space = JCS_RGB;
  jpeg_calc_output_dimensions(&info);
  return Outcome::decoded;
}

Outcome read_rows(jpeg_decompress_struct& info, Failure& failure, std::uint8_t* rgb) {
  if (setjmp(failure.back) != 0) return Outcome::damaged;
  (void)jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = rgb + std::size_t{info.output_scanline} * info.output_width * 3;
    (void)jpeg_read_scanlines(&info, &row, 1);
  }
  (void)jpeg_finish_decompress(&info);
  return Outcome::decoded;
}

}  // namespace

bool reads_jpeg() noexcept {
  return true;
}

Image decode_jpeg(std::string_view bytes, const std::string& place) {
  if (bytes.empty()) throw Error(ErrorKind::input, fmt::format("{}: the file is empty", place));
  Failure failure{};
  jpeg_decompress_struct info{};
  info.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = fail;
  failure.manager.emit_message = on_message;
  jpeg_create_decompress(&info);
  struct Destroy {
    jpeg_decompress_struct& info;
    ~Destroy() { jpeg_destroy_decompress(&info); }
  } const destroy{info};

  Image image;
  Outcome outcome = read_header(info, failure, bytes);
  if (outcome == Outcome::decoded) {
    image.height = info.output_height;
    image.width = info.output_width;
    if (image.height * image.width > kLargestImagePixels) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("{}: {} x {} pixels are too many", place, image.width, image.height));
    }
    image.pixels.resize(static_cast<std::size_t>(image.height * image.width * 3));
    outcome = read_rows(info, failure, image.pixels.data());
  }
  if (outcome == Outcome::unsupported) {
    throw Error(ErrorKind::unsupported, fmt::format("{}: a CMYK JPEG is not read", place));
  }
  if (outcome == Outcome::damaged) {
    throw Error(ErrorKind::input,
                fmt::format("{}: not a whole JPEG image: {}", place, failure.message.data()));
  }
  return image;
}

}  // namespace wbs::datasets
