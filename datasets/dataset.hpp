// Labelled images: what every data set is.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/image.hpp"
#include "datasets/transform.hpp"

namespace wbs::datasets {

enum class Split { train, test };

[[nodiscard]] const char* to_string(Split split) noexcept;

struct ImageShape {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  bool all_alike = true;  ///< false: it is the first image's, others may differ
};

/// Labelled 8-bit images. Immutable: any thread may read it. Indices run from 0 to size() - 1.
class Dataset {
 public:
  virtual ~Dataset() = default;

  /// Where it comes from: "embedded", a path.
  [[nodiscard]] virtual const std::string& source() const noexcept = 0;
  [[nodiscard]] virtual std::int64_t size() const noexcept = 0;
  /// Names in class order; a label is an index into them.
  [[nodiscard]] virtual const std::vector<std::string>& classes() const noexcept = 0;
  [[nodiscard]] virtual std::int64_t label(std::int64_t index) const noexcept = 0;
  /// Throws Error when it cannot be read or decoded, naming it.
  [[nodiscard]] virtual Image image(std::int64_t index) const = 0;
  /// For messages: "images.tar: n01440764/tench.jpg".
  [[nodiscard]] virtual std::string place(std::int64_t index) const = 0;
  /// Throws as image(0) does.
  [[nodiscard]] virtual ImageShape shape() const = 0;

 protected:
  Dataset() = default;
  Dataset(const Dataset&) = default;
  Dataset& operator=(const Dataset&) = default;
  Dataset(Dataset&&) = default;
  Dataset& operator=(Dataset&&) = default;
};

/// A data set whose pixels are in memory.
class MemoryDataset : public Dataset {
 public:
  struct Parts {
    std::string source = {};
    std::vector<std::string> classes = {};
    ImageShape shape = {};
    std::vector<std::uint8_t> pixels = {};  ///< [images][height][width][channels]
    std::vector<std::uint8_t> labels = {};
  };

  /// Throws Error(input) when there is no image, when sizes disagree, or for a label that is no
  /// class, naming the image.
  explicit MemoryDataset(Parts parts);

  [[nodiscard]] const std::string& source() const noexcept override { return parts_.source; }
  [[nodiscard]] std::int64_t size() const noexcept override;
  [[nodiscard]] const std::vector<std::string>& classes() const noexcept override;
  [[nodiscard]] std::int64_t label(std::int64_t index) const noexcept override;
  [[nodiscard]] Image image(std::int64_t index) const override;
  [[nodiscard]] std::string place(std::int64_t index) const override;
  [[nodiscard]] ImageShape shape() const override { return parts_.shape; }

  /// All pixels and labels, as in Parts.
  [[nodiscard]] const std::vector<std::uint8_t>& pixels() const noexcept { return parts_.pixels; }
  [[nodiscard]] const std::vector<std::uint8_t>& labels() const noexcept { return parts_.labels; }

 private:
  Parts parts_;
};

/// Mean and standard deviation of x / 255 by channel. For grey images only the first counts.
struct ChannelStatistics {
  std::array<float, 3> mean{};
  std::array<float, 3> deviation{};
};

/// Statistics of at most `images` images, evenly spread; sums are exact, so the order of work
/// changes no bit. Images that cannot be decoded are left out. A deviation of 0 becomes 1. Throws
/// Error(input) when no image can be decoded.
[[nodiscard]] ChannelStatistics channel_statistics(const Dataset& data,
                                                   std::int64_t images = 10000);

/// The transform for a network that sees whole images: crop and channels are those of shape().
/// Throws Error(unsupported) when the images are not square.
[[nodiscard]] Transform whole_image_transform(const Dataset& data,
                                              const ChannelStatistics& statistics);

}  // namespace wbs::datasets
