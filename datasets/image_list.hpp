// Labelled images in a folder tree or a tar archive, listed but not decoded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wbs::datasets {

struct ImageEntry {
  std::string name;         ///< path below the root with '/', as "n01440764/tench.jpg"
  std::int64_t label = -1;  ///< index into classes(); -1 for an image that lies in no folder
};

/// The images of one root. An image is a regular file that ends in .jpg or .jpeg (any case); files
/// and folders whose name starts with '.' are no images, symbolic links to folders are not
/// followed. Images are in ascending byte order of their names, so that a folder and an archive of
/// it give the same list. An image's class is the rank, in byte order, of the name of the folder
/// that holds it among all such names. Immutable once open: any thread may read it.
class ImageList {
 public:
  /// Lists the folder or the .tar or .tar.gz archive at `path`, only what is below its folder
  /// `below` when that is not empty ("train"); names are relative to that. Of an archive's members
  /// with one name the last counts, as when it is unpacked; its images stay in memory, still
  /// compressed, at most kLargestArchiveBytes. Throws Error: `input` when there is no such path, no
  /// image or a damaged archive, `unsupported` for a larger archive, `io`.
  [[nodiscard]] static ImageList open(const std::string& path, std::string_view below = {});

  [[nodiscard]] std::int64_t size() const noexcept {
    return static_cast<std::int64_t>(entries_.size());
  }
  [[nodiscard]] const ImageEntry& operator[](std::int64_t index) const noexcept {
    return entries_[static_cast<std::size_t>(index)];
  }
  /// Folder names in class order.
  [[nodiscard]] const std::vector<std::string>& classes() const noexcept { return classes_; }

  /// The file's bytes. Throws Error(io) when a file of a folder can no longer be read.
  [[nodiscard]] std::string bytes(std::int64_t index) const;

  /// "images.tar: n01440764/tench.jpg": for messages.
  [[nodiscard]] std::string place(std::int64_t index) const;

 private:
  std::string path_;
  std::string below_;
  std::vector<ImageEntry> entries_;
  std::vector<std::string> classes_;
  std::vector<std::string> stored_;  // an archive's files; empty for a folder
};

inline constexpr std::int64_t kLargestArchiveBytes = std::int64_t{4} << 30;

}  // namespace wbs::datasets
