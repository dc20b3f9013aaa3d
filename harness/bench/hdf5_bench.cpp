// How fast pruned weights are written and read, and how large they become: 100 MB of normal noise
// of which half of the 8x8 blocks are zero, at several compression levels.
//
//   harness_hdf5_bench DIRECTORY
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "harness/hdf5_file.hpp"

namespace {

using namespace wbs;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kRows = 5000;
constexpr std::int64_t kColumns = 5000;
constexpr std::int64_t kBlock = 8;

Tensor half_pruned() {
  Tensor tensor({kRows, kColumns});
  Rng rng(1);
  rng.fill_normal(tensor.values, 0.0F, 0.05F);
  Rng mask(2);
  for (std::int64_t row = 0; row < kRows; row += kBlock) {
    for (std::int64_t column = 0; column < kColumns; column += kBlock) {
      if (mask.bernoulli(0.5)) continue;
      for (std::int64_t i = row; i < std::min(row + kBlock, kRows); ++i) {
        for (std::int64_t j = column; j < std::min(column + kBlock, kColumns); ++j) {
          tensor.values[static_cast<std::size_t>(i * kColumns + j)] = 0.0F;
        }
      }
    }
  }
  return tensor;
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

int bench(const std::string& directory) {
  const Tensor tensor = half_pruned();
  const double megabytes = static_cast<double>(tensor.values.size() * sizeof(float)) / 1e6;
  constexpr int kRepeats = 3;
  for (const int level : {0, 1, 2, 4, 6}) {
    std::vector<double> writes;
    std::vector<double> reads;
    std::uintmax_t size = 0;
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
      const std::string path = fmt::format("{}/level{}.h5", directory, level);
      auto begin = Clock::now();
      {
        harness::Hdf5File file = harness::Hdf5File::create(path);
        file.write("/weight", tensor, {level});
        file.close();
      }
      writes.push_back(seconds_since(begin));
      size = std::filesystem::file_size(path);
      begin = Clock::now();
      const Tensor back = harness::Hdf5File::open(path).read("/weight");
      reads.push_back(seconds_since(begin));
      if (back.values != tensor.values) return 1;  // no figure without a check
      std::filesystem::remove(path);
    }
    std::sort(writes.begin(), writes.end());
    std::sort(reads.begin(), reads.end());
    fmt::print("deflate {}: write {:.3f} s ({:.0f} MB/s), read {:.3f} s ({:.0f} MB/s), {:.1f} MB\n",
               level, writes[kRepeats / 2], megabytes / writes[kRepeats / 2], reads[kRepeats / 2],
               megabytes / reads[kRepeats / 2], static_cast<double>(size) / 1e6);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: {} DIRECTORY\n", argv[0]);
    return 2;
  }
  try {
    return bench(argv[1]);
  } catch (const Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return exit_code(error.kind());
  }
}
