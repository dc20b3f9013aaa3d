// The ImageNet sample images, decoded and preprocessed the way the reference predictions were made.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/tensor.hpp"

namespace wbs::networks {

/// The files called `names` in the tar archive `path`. Throws Error when one is missing.
std::map<std::string, std::string> read_from_tar(const std::string& path,
                                                 const std::vector<std::string>& names);

/// A JPEG's centre 224x224 as [1][3][224][224], (x / 255 - mean) / deviation with ImageNet's
/// constants. Throws Error for anything but an RGB image of at least that size.
Tensor preprocessed_jpeg(const std::string& bytes);

/// One line of reference_top1.csv.
struct ReferencePrediction {
  std::string image;
  std::int64_t predicted = 0;
  double logit = 0.0;
};

/// `count` lines of the file, spread evenly over it.
std::vector<ReferencePrediction> sampled_references(const std::string& path, std::size_t count);

}  // namespace wbs::networks
