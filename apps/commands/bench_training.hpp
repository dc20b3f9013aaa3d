// wbs bench --training: how long a training step takes.
#pragma once

#include <cstdint>
#include <string>

namespace wbs::apps {

struct TrainingBenchOptions {
  std::string network;
  std::string input;  ///< CxHxW; empty: 3x32x32
  std::string pattern;
  std::string method;  ///< empty: one_time, or dense for the pattern dense
  std::string backend = "sparse";
  std::string product;  ///< IN,OUT,SIZE,KERNEL: one layer's FF and BP instead
  std::int64_t batch = 64;
  std::int64_t steps = 9;
  int threads = 1;
  bool json = false;
};

/// Measures in wbs-train and prints {step_ms, dense_step_ms, speedup, ...}. Throws Error.
int bench_training(const TrainingBenchOptions& options);

}  // namespace wbs::apps
