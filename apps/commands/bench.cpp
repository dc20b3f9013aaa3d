// wbs bench: a network's layers and the whole network, measured against dense libraries.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands/bench_training.hpp"
#include "apps/commands/commands.hpp"
#include "apps/measure/bench.hpp"
#include "apps/measure/bench_output.hpp"
#include "core/error.hpp"

namespace wbs::apps {
namespace {

struct Options {
  BenchRequest request;
  std::string type = "fp32";
  std::string pattern = "block:8x8@0.5";
  std::string mask = "uniform";
  bool quick = false;
  bool samples = false;
  bool json = false;
  bool training = false;
  TrainingBenchOptions step;
};

/// One line on a terminal, rewritten in place; silent elsewhere.
class ProgressLine {
 public:
  void show(std::size_t done, std::size_t total, const std::string& what) const {
    if (!terminal_) return;
    if (done == total) {
      fmt::print(stderr, "\r\033[K");
      return;
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    std::string eta;
    if (done > 0) {
      const double left =
          elapsed.count() / static_cast<double>(done) * static_cast<double>(total - done);
      eta = fmt::format("  ETA {}:{:02}", static_cast<int>(left) / 60, static_cast<int>(left) % 60);
    }
    fmt::print(stderr, "\r\033[K[{}/{}] {}{}", done + 1, total, what, eta);
    std::fflush(stderr);
  }

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void add_options(CLI::App& command, Options& options) {
  BenchRequest& request = options.request;
  command.add_option("--network", request.network, "Zoo name or .onnx file");
  command.add_option("--input", request.input, "Image size CxHxW");
  command.add_option("--type", options.type, "fp32, bf16 or int8")->capture_default_str();
  command.add_option("--pattern", options.pattern, "Sparsity pattern")->capture_default_str();
  command
      .add_option("--peer", request.peer,
                  "onednn, onednn-winograd, openblas, libxsmm, or best: oneDNN's faster algorithm")
      ->capture_default_str();
  command
      .add_option("--algorithm", request.algorithm,
                  "direct, winograd2, winograd4, or auto: the fastest of them per layer")
      ->capture_default_str();
  command.add_option("--force-impl", request.force_impl, "An implementation of wbs list kernels");
  command.add_option("--threads", request.threads, "Of both sides")->capture_default_str();
  command.add_option("--batch", request.batch, "Images per run")->capture_default_str();
  command.add_option("--mask", options.mask, "uniform (seeded) or l2 (by the weights' blocks)")
      ->capture_default_str();
  command.add_option("--weights", request.weights,
                     ".onnx file (also below WBS_DATA_DIR) or seeded; for --mask l2");
  command.add_option("--seed", request.seed, "Of masks, seeded weights and activations")
      ->capture_default_str();
  command.add_option("--layers", request.layers, "Only layers with this in their name");
  command.add_flag("--linear", request.linear, "Fully connected layers too");
  command.add_option("--seconds", request.seconds, "Timing per layer, at least 9 rounds")
      ->capture_default_str();
  command.add_flag("--quick", options.quick, "A tenth of the time, without the whole network");
  command.add_flag("!--no-network", request.whole_network, "Layers only");
  command.add_flag("--samples", options.samples, "JSON with every timing");
  command.add_flag("--json", options.json, "Print JSON");
  command.add_flag("--training", options.training,
                   "A training step instead of inference, beside LibTorch's dense one");
  command.add_option("--method", options.step.method, "With --training: wbs list methods");
  command
      .add_option("--backend", options.step.backend,
                  "With --training: who computes FF and BP, sparse (our kernels) or dense")
      ->capture_default_str();
  command.add_option("--steps", options.step.steps, "With --training: timed, of each")
      ->capture_default_str();
  command.add_option("--product", options.step.product,
                     "With --training: IN,OUT,SIZE,KERNEL, FF and BP of one layer alone");
}

int bench_steps(Options& options, bool batch_given) {
  TrainingBenchOptions& step = options.step;
  step.network = options.request.network;
  step.input = options.request.input;
  step.pattern = options.pattern;
  step.threads = options.request.threads;
  if (batch_given) step.batch = options.request.batch;
  step.json = options.json;
  return bench_training(step);
}

int bench(Options& options) {
  BenchRequest& request = options.request;
  if (request.network.empty() && (!options.training || options.step.product.empty())) {
    throw Error(ErrorKind::usage, "--network is required: a zoo name or an .onnx file");
  }
  if (options.training) return bench_steps(options, options.request.batch != 1);
  request.element = value_or_throw(kernels::parse_element(options.type), ErrorKind::usage);
  request.pattern = value_or_throw(sparsity::parse_pattern(options.pattern), ErrorKind::usage);
  if (options.mask != "uniform" && options.mask != "l2") {
    throw Error(ErrorKind::usage,
                fmt::format("mask '{}' is unknown: expected uniform or l2", options.mask));
  }
  request.l2_masks = options.mask == "l2";
  if (options.quick) {
    request.seconds /= 10;
    request.whole_network = false;
  }
  if (!request.layers.empty()) request.whole_network = false;
  if (const std::vector<std::string> problems = check_request(request); !problems.empty()) {
    throw Error(ErrorKind::usage, fmt::format("{}", fmt::join(problems, "; ")));
  }
  const ProgressLine line;
  const BenchReport report =
      run_bench(request, [&line](std::size_t done, std::size_t total, const std::string& what) {
        line.show(done, total, what);
      });
  if (options.json || options.samples) {
    fmt::print("{}\n", bench_json(request, report, options.samples).dump());
  } else {
    fmt::print("{}", bench_text(request, report));
  }
  return 0;
}

}  // namespace

void add_bench_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "bench", "Measure a network's layers on CPU kernels beside dense libraries");
  const auto options = std::make_shared<Options>();
  add_options(*command, *options);
  command->callback([&action, options] { action = [options] { return bench(*options); }; });
}

}  // namespace wbs::apps
