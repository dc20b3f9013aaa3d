#include "apps/inference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "apps/network_source.hpp"
#include "core/error.hpp"
#include "runtime/calibrate.hpp"
#include "sparsity/prune.hpp"

namespace wbs::apps {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The batches of a run, one after the other.
class Batches {
 public:
  explicit Batches(const ImageRun& run) : run_(run), loader_(run.list, options_of(run)) {}

  const Tensor* next() {
    batch_ = loader_.next();
    if (!batch_) return nullptr;
    done_ += static_cast<std::int64_t>(batch_->indices.size());
    if (run_.progress) run_.progress(done_, loader_.images());
    return &batch_->images;
  }
  [[nodiscard]] const std::vector<std::int64_t>& indices() const { return batch_->indices; }

 private:
  static datasets::LoaderOptions options_of(const ImageRun& run) {
    datasets::LoaderOptions options;
    options.batch = run.batch;
    options.transform = run.transform;
    options.indices = run.indices;
    options.threads = 1;
    return options;
  }

  const ImageRun& run_;
  datasets::Loader loader_;
  std::optional<datasets::Batch> batch_;
  std::int64_t done_ = 0;
};

/// The same run in batches of which every one is full.
ImageRun in_full_batches(ImageRun run) {
  const auto images = static_cast<std::int64_t>(run.indices.size());
  run.batch = std::clamp<std::int64_t>(run.batch, 1, std::max<std::int64_t>(images, 1));
  while (images % run.batch != 0) --run.batch;
  return run;
}

/// Repeats the last image until the batch is full: executors are planned for one batch size.
Tensor filled_up(Tensor images, std::int64_t batch) {
  const auto missing = static_cast<std::size_t>(batch - images.shape[0]);
  const std::size_t size = images.values.size() / static_cast<std::size_t>(images.shape[0]);
  images.values.reserve(images.values.size() + missing * size);
  const std::size_t last = images.values.size() - size;
  for (std::size_t i = 0; i < missing * size; ++i) {
    images.values.push_back(images.values[last + i % size]);
  }
  images.shape[0] = batch;
  return images;
}

}  // namespace

double prune_model(Model& model, const sparsity::Pattern& pattern) {
  if (sparsity::is_dense(pattern)) return 0.0;
  std::int64_t zeros = 0;
  std::int64_t weights = 0;
  for (const networks::Node& node : model.graph.nodes) {
    if (!is_pruned(model.graph, node, false)) continue;
    Tensor& tensor = model.weights.at(networks::weight_key(node, "weight"));
    if (const auto fits = sparsity::check_fits(pattern, tensor.shape); !fits) {
      throw Error(ErrorKind::usage, fmt::format("layer '{}': {}", node.name, fits.error()));
    }
    sparsity::Pruned pruned = sparsity::prune(tensor, pattern);
    pruned.mask.apply(tensor);
    const auto count = static_cast<std::int64_t>(tensor.values.size());
    weights += count;
    zeros += count - pruned.mask.kept_weights();
    model.masks.insert_or_assign(node.name, std::move(pruned.mask));
  }
  if (weights == 0) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{} has no layer that a pattern applies to", model.graph.name));
  }
  return static_cast<double>(zeros) / static_cast<double>(weights);
}

datasets::Transform transform_for(const networks::Graph& graph, std::int64_t resize_shorter) {
  const Shape& input = graph.nodes.at(0).attributes.shape;
  if (input.size() != 4 || input[1] != 3 || input[2] != input[3]) {
    throw Error(ErrorKind::unsupported, fmt::format("network '{}' reads {}, not square RGB images",
                                                    graph.name, to_string(input)));
  }
  datasets::Transform transform;
  transform.crop = input[2];
  transform.resize_shorter = resize_shorter;
  return transform;
}

std::vector<std::int64_t> spread_indices(std::int64_t count, std::int64_t total) {
  std::vector<std::int64_t> indices;
  const std::int64_t wanted = std::min(count, total);
  for (std::int64_t i = 0; i < wanted; ++i) indices.push_back(i * total / wanted);
  return indices;
}

networks::Quantisation calibrate_model(const Model& model, const ImageRun& run,
                                       const networks::QuantisationOptions& options) {
  const ImageRun full = in_full_batches(run);
  Batches batches(full);
  return runtime::calibrate(
      model.graph, model.weights, model.masks, [&] { return batches.next(); }, options,
      run.threads);
}

std::int64_t restate_model(Model& model, const ImageRun& run) {
  const ImageRun full = in_full_batches(run);
  Batches batches(full);
  return runtime::restate_batch_norms(
      model.graph, model.weights, model.masks, [&] { return batches.next(); }, run.threads);
}

std::int64_t recalibrate_model(Model& model, const ImageRun& run) {
  const ImageRun full = in_full_batches(run);
  Batches batches(full);
  return runtime::recalibrate_batch_norms(
      model.graph, model.weights, model.masks, [&] { return batches.next(); }, run.threads);
}

Predictions predict(const Model& model, const ImageRun& run,
                    const runtime::ExecutorOptions& options) {
  runtime::ExecutorOptions planned = options;
  planned.batch = run.batch;
  planned.threads = run.threads;
  if (!planned.choose) {
    planned.choose = [](const runtime::LayerView&) {
      return runtime::LayerChoice{.algorithm = "auto", .force_impl = ""};
    };
  }
  runtime::Executor executor(model.graph, model.weights, model.masks, planned);
  const auto outputs = static_cast<std::size_t>(element_count(executor.output_shape()) / run.batch);
  if (run.list.classes().size() > outputs) {
    throw Error(ErrorKind::input,
                fmt::format("the images are of {} classes, network '{}' tells {} apart",
                            run.list.classes().size(), model.graph.name, outputs));
  }
  Predictions result;
  result.memory = executor.memory();
  const Clock::time_point start = Clock::now();
  Batches batches(run);
  while (const Tensor* images = batches.next()) {
    const Tensor input = filled_up(*images, run.batch);
    const Clock::time_point begin = Clock::now();
    const Tensor logits = executor.run(input);
    result.run_s += seconds_since(begin);
    const float* row = logits.values.data();
    for (const std::int64_t image : batches.indices()) {
      const float* best = std::max_element(row, row + outputs);
      result.images.push_back({image, best - row, *best});
      row += outputs;
    }
  }
  result.wall_s = seconds_since(start);
  return result;
}

Score score(const Predictions& predictions, const datasets::Dataset& list,
            const std::function<bool(std::int64_t image)>& counts) {
  Score score;
  for (const Prediction& prediction : predictions.images) {
    if (counts && !counts(prediction.image)) continue;
    ++score.images;
    score.right += static_cast<int>(list.label(prediction.image) == prediction.predicted);
  }
  return score;
}

std::string predictions_csv(const Predictions& predictions, const datasets::Dataset& list) {
  const auto* files = dynamic_cast<const datasets::ImageList*>(&list);
  std::string text = "image,predicted,logit\n";
  for (const Prediction& prediction : predictions.images) {
    const std::string name =
        files != nullptr ? (*files)[prediction.image].name : std::to_string(prediction.image);
    text += fmt::format("{},{},{:.6g}\n", name, prediction.predicted, prediction.logit);
  }
  return text;
}

TransformedImages trained_images(const networks::Graph& graph, const std::string& source,
                                 datasets::Split split) {
  const auto training = datasets::open_dataset(source, datasets::Split::train);
  TransformedImages images;
  images.transform =
      datasets::whole_image_transform(*training, datasets::channel_statistics(*training));
  const Shape& input = graph.nodes.at(0).attributes.shape;
  if (input.size() != 4 || input[1] != images.transform.channels ||
      input[2] != images.transform.crop || input[3] != images.transform.crop) {
    throw Error(ErrorKind::unsupported,
                fmt::format("network '{}' reads {}, but '{}' has {} channels of {}x{}: give the "
                            "parameter input",
                            graph.name, to_string(input), source, images.transform.channels,
                            images.transform.crop, images.transform.crop));
  }
  images.list = datasets::open_dataset(source, split);
  return images;
}

}  // namespace wbs::apps
