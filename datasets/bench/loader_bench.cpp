// How many images per second a loader prepares for training: decoding, random crop, flip, Cutout,
// normalisation. Batches of all thread counts are compared before any of them is timed.
//
//   datasets_loader_bench SOURCE [IMAGES]
//
// SOURCE as for open_dataset(); a relative path is looked up below WBS_DATA_DIR too. Passes over
// IMAGES images (default: the training split, at most 20000) are interleaved between the thread
// counts, five each.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/loader.hpp"
#include "datasets/open_dataset.hpp"

namespace {

using namespace wbs;
using namespace wbs::datasets;
using Clock = std::chrono::steady_clock;

constexpr int kPasses = 5;
constexpr std::int64_t kBatch = 128;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string find_source(const std::string& source) {
  const char* root = std::getenv("WBS_DATA_DIR");
  if (source == "embedded" || root == nullptr || std::filesystem::exists(source)) return source;
  return (std::filesystem::path(root) / source).string();
}

LoaderOptions training(const Transform& transform, std::int64_t images, int threads) {
  LoaderOptions options;
  options.batch = kBatch;
  options.transform = transform;
  options.augmentation = Augmentation{.random_crop = true, .pad = 4, .flip = true, .cutout = 8};
  options.shuffle = true;
  options.threads = threads;
  for (std::int64_t i = 0; i < images; ++i) options.indices.push_back(i);
  return options;
}

/// Large images of several sizes get the augmentation that fits them.
void fit_to(const Dataset& data, LoaderOptions& options) {
  constexpr std::int64_t kLargeSide = 64;
  if (data.shape().all_alike || data.shape().height <= kLargeSide) return;
  options.transform.crop = 224;
  options.augmentation = Augmentation{.resized_crop = RandomResizedCrop{}, .flip = true};
}

void check_equal(const Dataset& data, const LoaderOptions& one, const LoaderOptions& other) {
  Loader first(data, one);
  Loader second(data, other);
  for (int i = 0; i < 8; ++i) {
    const auto a = first.next();
    const auto b = second.next();
    if (!a || !b) return;
    if (a->images.values != b->images.values || a->labels != b->labels) {
      throw Error(ErrorKind::internal, "the number of threads changes the batches");
    }
  }
}

double images_per_s(const Dataset& data, const LoaderOptions& options) {
  const Clock::time_point start = Clock::now();
  Loader loader(data, options);
  while (loader.next()) {
  }
  return static_cast<double>(options.indices.size()) / seconds_since(start);
}

void measure(const std::string& source, std::int64_t limit) {
  const Clock::time_point start = Clock::now();
  const auto data = open_dataset(source, Split::train);
  fmt::print("{}: {} images, {} classes, opened in {:.2f} s\n", data->source(), data->size(),
             data->classes().size(), seconds_since(start));
  Transform transform;
  const ImageShape shape = data->shape();
  transform.crop = std::min(shape.height, shape.width);
  transform.channels = shape.channels;
  std::map<int, LoaderOptions> contestants;
  std::map<int, std::vector<double>> speeds;
  for (const int threads : {0, 1, 2}) {
    LoaderOptions options = training(transform, std::min(limit, data->size()), threads);
    fit_to(*data, options);
    check_equal(*data, options, contestants.empty() ? options : contestants.at(0));
    contestants.emplace(threads, std::move(options));
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    for (const auto& [threads, options] : contestants) {
      speeds[threads].push_back(images_per_s(*data, options));
    }
  }
  for (auto& [threads, values] : speeds) {
    std::ranges::sort(values);
    fmt::print("{} threads: {:.0f} images/s (median of {}, {:.0f} to {:.0f})\n", threads,
               values[kPasses / 2], kPasses, values.front(), values.back());
  }
  rusage usage{};
  (void)getrusage(RUSAGE_SELF, &usage);
  fmt::print("peak memory {} MiB\n", usage.ru_maxrss / 1024);
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count < 2) throw Error(ErrorKind::usage, "usage: datasets_loader_bench SOURCE [IMAGES]");
    const std::int64_t limit = count > 2 ? parse_integer(arguments[2]).value_or(0) : 20000;
    if (limit < 1) throw Error(ErrorKind::usage, "IMAGES must be a positive number");
    measure(find_source(arguments[1]), limit);
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return exit_code(error.kind());
  }
  return 0;
}
