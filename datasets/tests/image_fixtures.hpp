// Small JPEG and PNG files and archives, made where the tests run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "datasets/tests/fixtures.hpp"

namespace wbs::datasets {

struct JpegPlan {
  std::int64_t height = 16;
  std::int64_t width = 16;
  int channels = 3;  ///< 1: grey, 3: RGB, 4: CMYK
};

/// A JPEG of quality 100 without chroma subsampling whose pixel (y, x, c) is
/// (`base` + 2 * x + y + 20 * c) % 256.
[[nodiscard]] std::string make_jpeg(const JpegPlan& plan, int base = 40);

/// A PNG of the same pixels: 1 channel is grey, 3 RGB, 4 RGB with an alpha of 0 in the first row.
[[nodiscard]] std::string make_png(const JpegPlan& plan, int base = 40);

/// A tar of `files` at `path`, gzip-compressed if asked.
void write_tar(const std::filesystem::path& path, const Files& files, bool gzip = false);

}  // namespace wbs::datasets
