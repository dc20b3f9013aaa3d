// wbs infer: a network of an ONNX file on images.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/commands/commands.hpp"
#include "apps/inference.hpp"
#include "apps/network_source.hpp"
#include "apps/paths.hpp"
#include "apps/text_file.hpp"
#include "core/error.hpp"
#include "harness/progress.hpp"

namespace wbs::apps {
namespace {

struct Options {
  std::string weights;
  std::string images;
  std::string type = "fp32";
  std::string pattern = "dense";
  std::string range = "mse";
  std::string csv;
  std::int64_t calibrate = 0;
  std::int64_t recalibrate = 0;
  std::int64_t batch = 1;
  std::int64_t limit = 0;
  std::int64_t resize = 0;
  int threads = 1;
  bool power_of_two = false;
  bool json = false;
  bool quiet = false;
};

void check(const Options& options, kernels::Element element) {
  const auto refuse = [](const std::string& why) { throw Error(ErrorKind::usage, why); };
  if (element == kernels::Element::u8 && options.calibrate == 0) {
    refuse("--type int8 needs --calibrate N: the number of images from which scales are taken");
  }
  if (element != kernels::Element::u8 && options.calibrate > 0) {
    refuse(fmt::format("--calibrate is for --type int8, not {}", options.type));
  }
}

/// Progress of one pass over images, on a terminal or in a log.
class Pass {
 public:
  Pass(std::string what, bool enabled) : progress_(enabled) {
    if (enabled) fmt::print(stderr, "{}\n", what);
  }
  void show(std::int64_t done, std::int64_t total) {
    const double passed = std::chrono::duration<double>(Clock::now() - start_).count();
    state_.done = static_cast<std::size_t>(done);
    state_.run = state_.done;
    state_.total = static_cast<std::size_t>(total);
    state_.expected_left_s = passed * static_cast<double>(total - done) /
                             static_cast<double>(std::max<std::int64_t>(done, 1));
    if (progress_.due()) progress_.show(state_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  harness::Progress progress_;
  harness::ProgressState state_;
  Clock::time_point start_ = Clock::now();
};

/// A run over `indices`, whose progress goes to `pass`.
ImageRun run_over(const datasets::ImageList& list, const Model& model, const Options& options,
                  std::vector<std::int64_t> indices, std::int64_t batch, Pass& pass) {
  ImageRun run{list, transform_for(model.graph, options.resize), std::move(indices), batch,
               options.threads};
  run.progress = [&pass](std::int64_t done, std::int64_t total) { pass.show(done, total); };
  return run;
}

nlohmann::json report(const Options& options, const datasets::Dataset& list,
                      const Predictions& predictions, const std::set<std::int64_t>& used) {
  const Score all = score(predictions, list);
  const auto images = static_cast<double>(predictions.images.size());
  nlohmann::json json{{"images", all.images},
                      {"top1", all.top1()},
                      {"images_per_s", images / predictions.wall_s},
                      {"network_images_per_s", images / predictions.run_s},
                      {"type", options.type},
                      {"pattern", options.pattern},
                      {"batch", options.batch},
                      {"threads", options.threads},
                      {"peak_bytes", predictions.memory.total_bytes()},
                      {"activation_bytes", predictions.memory.activation_bytes},
                      {"scratch_bytes", predictions.memory.scratch_bytes},
                      {"weight_bytes", predictions.memory.weight_bytes}};
  if (!used.empty()) {
    const Score others =
        score(predictions, list, [&](std::int64_t i) { return !used.contains(i); });
    json["images_not_used_before"] = others.images;
    json["top1_not_used_before"] = others.top1();
  }
  return json;
}

Model load_model(const Options& options) {
  Model model;
  model.graph = load_graph(options.weights, "");
  model.weights = load_weights(model.graph, {options.weights, "", 1}).values;
  return model;
}

int infer(const Options& options) {
  const kernels::Element element =
      value_or_throw(kernels::parse_element(options.type), ErrorKind::usage);
  check(options, element);
  const auto pattern = value_or_throw(sparsity::parse_pattern(options.pattern), ErrorKind::usage);
  const networks::QuantisationOptions how{
      value_or_throw(networks::parse_range_method(options.range), ErrorKind::usage),
      options.power_of_two};
  Model model = load_model(options);
  const auto list = datasets::ImageList::open(resolve_data_path(options.images));

  // Images that had a say in statistics or scales; accuracy is also told without them.
  std::set<std::int64_t> used;
  const auto spread = [&](std::int64_t count) {
    std::vector<std::int64_t> indices = spread_indices(count, list.size());
    used.insert(indices.begin(), indices.end());
    return indices;
  };
  const std::int64_t chunk = 50;  // images whose statistics batch norms see together
  if (options.recalibrate > 0) {
    Pass pass("batch norms: statistics before pruning", !options.quiet);
    restate_model(model, run_over(list, model, options, spread(options.recalibrate), chunk, pass));
  }
  const double sparsity = prune_model(model, pattern);
  if (options.recalibrate > 0) {
    Pass pass("batch norms: statistics after pruning", !options.quiet);
    recalibrate_model(model,
                      run_over(list, model, options, spread(options.recalibrate), chunk, pass));
  }
  runtime::ExecutorOptions execution;
  execution.element = element;
  networks::Quantisation quantisation;
  if (options.calibrate > 0) {
    Pass pass("int8: scales of the activations", !options.quiet);
    quantisation = calibrate_model(
        model, run_over(list, model, options, spread(options.calibrate), 4, pass), how);
    execution.quantisation = &quantisation;
  }
  Pass pass("images", !options.quiet);
  const std::int64_t images = options.limit > 0 ? options.limit : list.size();
  const Predictions predictions = predict(
      model,
      run_over(list, model, options, spread_indices(images, list.size()), options.batch, pass),
      execution);
  if (!options.csv.empty()) write_text_file(options.csv, predictions_csv(predictions, list));
  nlohmann::json json = report(options, list, predictions, used);
  json["achieved_sparsity"] = sparsity;
  if (options.json) {
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  fmt::print("{} images: {:.2f}% top-1, {:.1f} images/s ({:.1f} in the network alone)\n",
             json["images"].get<std::int64_t>(), 100.0 * json["top1"].get<double>(),
             json["images_per_s"].get<double>(), json["network_images_per_s"].get<double>());
  if (!used.empty()) {
    fmt::print("{} images that no scale or statistic comes from: {:.2f}% top-1\n",
               json["images_not_used_before"].get<std::int64_t>(),
               100.0 * json["top1_not_used_before"].get<double>());
  }
  return 0;
}

}  // namespace

void add_infer_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "infer", "Run a network on images: predictions as CSV, accuracy, images per second");
  const auto o = std::make_shared<Options>();
  command->add_option("--weights", o->weights, "The network: .onnx or .onnx.gz file")->required();
  command
      ->add_option("--images", o->images,
                   "Folder or .tar with <class>/<image>.jpg; class index = rank of its folder")
      ->required();
  command->add_option("--type", o->type, "fp32, bf16 or int8")->capture_default_str();
  command
      ->add_option("--calibrate", o->calibrate, "int8: images (evenly spread) that give the scales")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--range", o->range, "int8: largest value by max, percentile or mse")
      ->capture_default_str();
  command->add_flag("--power-of-two", o->power_of_two, "int8: scales are powers of two");
  command->add_option("--pattern", o->pattern, "Prune first (by L2), for example block:8x8@0.3")
      ->capture_default_str();
  command
      ->add_option("--recalibrate-bn", o->recalibrate,
                   "Images (evenly spread) that give new statistics to the batch norms")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--batch", o->batch, "Images per run")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--threads", o->threads)->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_option("--limit", o->limit, "Only so many images, evenly spread")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--resize", o->resize, "First resize the shorter side to this many pixels")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--csv", o->csv, "Write image,predicted,logit");
  command->add_flag("--json", o->json, "Print JSON");
  command->add_flag("--quiet", o->quiet, "No progress");
  command->callback([&action, o] { action = [o] { return infer(*o); }; });
}

}  // namespace wbs::apps
