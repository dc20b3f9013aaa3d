// Labelled images in a folder tree or a tar archive, decoded when they are asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/dataset.hpp"

namespace wbs::datasets {

struct ImageEntry {
  std::string name;         ///< path below the root with '/', as "n01440764/tench.jpg"
  std::int64_t label = -1;  ///< index into classes(); -1 for an image that lies in no folder
};

inline constexpr std::int64_t kLargestArchiveBytes = std::int64_t{4} << 30;

struct ImageListOptions {
  std::string below = {};  ///< only what is below this folder, "train"; names are relative to it
  /// Folders below this one too are classes, so that two parts of a root agree on labels.
  std::string classes_below = {};
  std::int64_t limit_bytes = kLargestArchiveBytes;  ///< of an archive's images, compressed
};

/// The images of one root. An image is a regular file that ends in .jpg, .jpeg or .png (any case);
/// files and folders whose name starts with '.' are no images, symbolic links to folders are not
/// followed. Images are in ascending byte order of their names, so that a folder and an archive of
/// it give the same list. An image's class is the rank, in byte order, of the name of the folder
/// that holds it among all such names. Immutable once open: any thread may read it.
class ImageList final : public Dataset {
 public:
  /// Lists the folder or the .tar or .tar.gz archive at `path`. Of an archive's members with one
  /// name the last counts, as when it is unpacked; its images stay in memory, still compressed.
  /// Throws Error: `input` when there is no such path, no image or a damaged archive, `unsupported`
  /// for a larger archive and in a build without libarchive, `io`.
  [[nodiscard]] static ImageList open(const std::string& path, const ImageListOptions& options);
  [[nodiscard]] static ImageList open(const std::string& path, std::string_view below = {});

  [[nodiscard]] const std::string& source() const noexcept override { return path_; }
  [[nodiscard]] std::int64_t size() const noexcept override {
    return static_cast<std::int64_t>(entries_.size());
  }
  [[nodiscard]] const ImageEntry& operator[](std::int64_t index) const noexcept {
    return entries_[static_cast<std::size_t>(index)];
  }
  /// Folder names in class order.
  [[nodiscard]] const std::vector<std::string>& classes() const noexcept override {
    return classes_;
  }
  [[nodiscard]] std::int64_t label(std::int64_t index) const noexcept override {
    return (*this)[index].label;
  }

  /// The file's bytes. Throws Error(io) when a file of a folder can no longer be read.
  [[nodiscard]] std::string bytes(std::int64_t index) const;

  /// RGB. Throws Error(input) or Error(unsupported) for what cannot be decoded.
  [[nodiscard]] Image image(std::int64_t index) const override;

  [[nodiscard]] std::string place(std::int64_t index) const override;

  /// Of the first image that can be decoded; others may differ. Throws the first one's Error when
  /// there is none among the first hundred.
  [[nodiscard]] ImageShape shape() const override;

 private:
  std::string path_;
  std::string below_;
  std::vector<ImageEntry> entries_;
  std::vector<std::string> classes_;
  std::vector<std::string> stored_;  // an archive's files; empty for a folder
};

}  // namespace wbs::datasets
