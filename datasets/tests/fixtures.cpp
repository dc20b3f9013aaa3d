#include "datasets/tests/fixtures.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

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

void write_folder(const std::filesystem::path& path, const Files& files) {
  for (const auto& [name, bytes] : files) {
    std::filesystem::create_directories((path / name).parent_path());
    write_file(path / name, bytes);
  }
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TemporaryFolder::TemporaryFolder() {
  static std::atomic<int> count{0};
  path_ = std::filesystem::temp_directory_path() /
          fmt::format("wbs_datasets_{}_{}", ::getpid(), count.fetch_add(1));
  std::filesystem::create_directories(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace wbs::datasets
