#include "networks/onnx/tests/image_samples.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <memory>

#include <jpeglib.h>

#include "core/error.hpp"
#include "core/text.hpp"

namespace wbs::networks {
namespace {

constexpr std::size_t kCrop = 224;

[[noreturn]] void on_jpeg_error(j_common_ptr) {
  throw Error(ErrorKind::input, "a sample image cannot be decoded");
}

struct Pixels {
  std::size_t width = 0, height = 0;
  std::vector<unsigned char> rgb;
};

Pixels decode_jpeg(const std::string& bytes) {
  jpeg_decompress_struct decoder{};
  jpeg_error_mgr errors{};
  decoder.err = jpeg_std_error(&errors);
  errors.error_exit = on_jpeg_error;
  jpeg_create_decompress(&decoder);
  const std::unique_ptr<jpeg_decompress_struct, void (*)(jpeg_decompress_struct*)> cleanup(
      &decoder, [](jpeg_decompress_struct* state) { jpeg_destroy_decompress(state); });
  jpeg_mem_src(&decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&decoder, TRUE);
  decoder.out_color_space = JCS_RGB;
  jpeg_start_decompress(&decoder);
  Pixels pixels;
  pixels.width = decoder.output_width;
  pixels.height = decoder.output_height;
  pixels.rgb.resize(pixels.width * pixels.height * 3);
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = &pixels.rgb[decoder.output_scanline * pixels.width * 3];
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  jpeg_finish_decompress(&decoder);
  return pixels;
}

}  // namespace

std::map<std::string, std::string> read_from_tar(const std::string& path,
                                                 const std::vector<std::string>& names) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_filename(reader.get(), path.c_str(), 65536) != ARCHIVE_OK) {
    throw Error(ErrorKind::input, path + ": cannot be opened as an archive");
  }
  std::map<std::string, std::string> files;
  archive_entry* entry = nullptr;
  while (files.size() < names.size() &&
         archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    const std::string name = archive_entry_pathname(entry);
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    std::string bytes(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    const auto got = archive_read_data(reader.get(), bytes.data(), bytes.size());
    if (got != static_cast<la_ssize_t>(bytes.size())) break;
    files.emplace(name, std::move(bytes));
  }
  if (files.size() != names.size()) throw Error(ErrorKind::input, path + ": lacks sample images");
  return files;
}

Tensor preprocessed_jpeg(const std::string& bytes) {
  constexpr std::array kMean{0.485F, 0.456F, 0.406F};
  constexpr std::array kDeviation{0.229F, 0.224F, 0.225F};
  const Pixels pixels = decode_jpeg(bytes);
  if (pixels.width < kCrop || pixels.height < kCrop) {
    throw Error(ErrorKind::input, "a sample image is smaller than 224x224");
  }
  const std::size_t top = (pixels.height - kCrop) / 2;
  const std::size_t left = (pixels.width - kCrop) / 2;
  Tensor tensor({1, 3, kCrop, kCrop});
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t y = 0; y < kCrop; ++y) {
      for (std::size_t x = 0; x < kCrop; ++x) {
        const unsigned char value = pixels.rgb[((top + y) * pixels.width + left + x) * 3 + channel];
        tensor.values[(channel * kCrop + y) * kCrop + x] =
            (static_cast<float>(value) / 255.0F - kMean[channel]) / kDeviation[channel];
      }
    }
  }
  return tensor;
}

std::vector<ReferencePrediction> sampled_references(const std::string& path, std::size_t count) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);  // column names
  std::vector<ReferencePrediction> all;
  while (std::getline(file, line)) {
    const auto cells = split(trim(line), ',');
    if (cells.size() != 4) throw Error(ErrorKind::input, path + ": a line has not four cells");
    all.push_back({std::string(cells[0]), parse_integer(cells[2]).value_or(-1),
                   parse_number(cells[3]).value_or(0.0)});
  }
  std::vector<ReferencePrediction> picked;
  for (std::size_t i = 0; i < count; ++i) picked.push_back(all.at(i * all.size() / count));
  return picked;
}

}  // namespace wbs::networks
