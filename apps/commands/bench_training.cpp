#include "apps/commands/bench_training.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/training/train_process.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;

/// Four numbers with `separator` between them.
json numbers(const std::string& text, char separator, std::size_t count, const char* option) {
  json list = json::array();
  for (const std::string_view part : split(text, separator)) {
    try {
      list.push_back(std::stoll(std::string(part)));
    } catch (const std::exception&) {
      list.clear();
      break;
    }
  }
  if (list.size() != count) {
    throw Error(ErrorKind::usage, fmt::format("{} '{}': expected {} numbers separated by '{}'",
                                              option, text, count, separator));
  }
  return list;
}

}  // namespace

int bench_training(const TrainingBenchOptions& options) {
  json request{
      {"network", options.network},
      {"pattern", options.pattern},
      {"method", options.method.empty() ? (options.pattern == "dense" ? "dense" : "one_time")
                                        : options.method},
      {"backend", options.backend},
      {"recipe", {{"batch", options.batch}}},
      {"threads", options.threads},
      {"device", options.backend == "sparse" ? "cpu" : "auto"},
      {"measure", {{"steps", options.steps}}}};
  if (!options.input.empty()) request["input"] = numbers(options.input, 'x', 3, "--input");
  if (!options.product.empty()) {
    request["measure"]["product"] = numbers(options.product, ',', 4, "--product");
  }
  const json result = run_train_process(request, 1, {});
  if (options.json) {
    fmt::print("{}\n", result.dump());
    return 0;
  }
  const bool layer = !options.product.empty();
  fmt::print(
      "{}: {:.1f} ms with {} under {}, backend {}; {:.1f} ms dense in LibTorch: {:.2f} times "
      "(spread {:.1f}% and {:.1f}%, batch {}, {} thread{})\n",
      layer ? "FF and BP of one layer" : "One training step of " + options.network,
      result[layer ? "ms" : "step_ms"].get<double>(), result["method"].get<std::string>(),
      result["pattern"].get<std::string>(), options.backend,
      result[layer ? "dense_ms" : "dense_step_ms"].get<double>(), result["speedup"].get<double>(),
      100.0 * result["spread"].get<double>(), 100.0 * result["dense_spread"].get<double>(),
      options.batch, options.threads, options.threads == 1 ? "" : "s");
  return 0;
}

}  // namespace wbs::apps
