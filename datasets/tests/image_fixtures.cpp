#include "datasets/tests/image_fixtures.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <png.h>

#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include <jpeglib.h>

namespace wbs::datasets {

std::string make_jpeg(const JpegPlan& plan, int base) {
  jpeg_error_mgr errors{};
  jpeg_compress_struct info{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_width = static_cast<JDIMENSION>(plan.width);
  info.image_height = static_cast<JDIMENSION>(plan.height);
  info.input_components = plan.channels;
  info.in_color_space = plan.channels == 1   ? JCS_GRAYSCALE
                        : plan.channels == 3 ? JCS_RGB
                                             : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  info.comp_info[0].h_samp_factor = 1;
  info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&info, TRUE);
  std::vector<JSAMPLE> row;
  for (std::int64_t y = 0; y < plan.height; ++y) {
    row.clear();
    for (std::int64_t x = 0; x < plan.width; ++x) {
      for (int c = 0; c < plan.channels; ++c) {
        row.push_back(static_cast<JSAMPLE>((base + 2 * x + y + 20 * c) % 256));
      }
    }
    JSAMPROW pointer = row.data();
    (void)jpeg_write_scanlines(&info, &pointer, 1);
  }
  jpeg_finish_compress(&info);
  std::string bytes(reinterpret_cast<const char*>(memory), size);
  jpeg_destroy_compress(&info);
  std::free(memory);
  return bytes;
}

std::string make_png(const JpegPlan& plan, int base) {
  std::vector<std::uint8_t> pixels;
  for (std::int64_t y = 0; y < plan.height; ++y) {
    for (std::int64_t x = 0; x < plan.width; ++x) {
      for (int c = 0; c < plan.channels; ++c) {
        const bool alpha = c == 3;
        const auto value = static_cast<std::uint8_t>((base + 2 * x + y + 20 * c) % 256);
        pixels.push_back(!alpha ? value : static_cast<std::uint8_t>(y == 0 ? 0 : 255));
      }
    }
  }
  png_image info{};
  info.version = PNG_IMAGE_VERSION;
  info.width = static_cast<png_uint_32>(plan.width);
  info.height = static_cast<png_uint_32>(plan.height);
  info.format = plan.channels == 1   ? PNG_FORMAT_GRAY
                : plan.channels == 3 ? PNG_FORMAT_RGB
                                     : PNG_FORMAT_RGBA;
  png_alloc_size_t size = 0;
  (void)png_image_write_to_memory(&info, nullptr, &size, 0, pixels.data(), 0, nullptr);
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&info, bytes.data(), &size, 0, pixels.data(), 0, nullptr) == 0) {
    throw std::runtime_error("cannot make a PNG");
  }
  bytes.resize(size);
  return bytes;
}

void write_tar(const std::filesystem::path& path, const Files& files, bool gzip) {
  archive* out = archive_write_new();
  if (gzip) (void)archive_write_add_filter_gzip(out);
  (void)archive_write_set_format_pax_restricted(out);
  if (archive_write_open_filename(out, path.c_str()) != ARCHIVE_OK) {
    throw std::runtime_error("cannot write " + path.string());
  }
  for (const auto& [name, bytes] : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    (void)archive_write_header(out, entry);
    (void)archive_write_data(out, bytes.data(), bytes.size());
    archive_entry_free(entry);
  }
  (void)archive_write_free(out);
}

}  // namespace wbs::datasets
