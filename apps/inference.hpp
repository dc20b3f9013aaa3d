// A network, images and what the network says about them: for `wbs infer` and the stages that need
// images.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "datasets/image_list.hpp"
#include "datasets/loader.hpp"
#include "datasets/open_dataset.hpp"
#include "networks/graph.hpp"
#include "networks/quantisation.hpp"
#include "runtime/executor.hpp"
#include "sparsity/pattern.hpp"

namespace wbs::apps {

/// A network with the weights it will run with.
struct Model {
  networks::Graph graph;
  networks::Weights weights;
  runtime::Masks masks;  ///< of pruned layers
};

/// Prunes by L2 norm every layer that a pattern applies to (is_pruned). Returns the share of the
/// weights of these layers that are zero afterwards. Throws Error(usage) for a layer that cannot
/// take the pattern, Error(unsupported) when there is none that it applies to.
double prune_model(Model& model, const sparsity::Pattern& pattern);

/// How images become the model's input: the centre crop of its height; `resize_shorter` as in
/// datasets::Transform. Throws Error(unsupported) when the input is no square RGB image.
[[nodiscard]] datasets::Transform transform_for(const networks::Graph& graph,
                                                std::int64_t resize_shorter);

/// `count` of `total` indices, evenly spread: i * total / count. All when count >= total.
[[nodiscard]] std::vector<std::int64_t> spread_indices(std::int64_t count, std::int64_t total);

/// Called with images done and images in total.
using ImageProgress = std::function<void(std::int64_t done, std::int64_t total)>;

/// Some images of a list, and how to run them.
struct ImageRun {
  const datasets::Dataset& list;
  datasets::Transform transform;
  std::vector<std::int64_t> indices;
  std::int64_t batch = 1;
  int threads = 1;
  ImageProgress progress = {};
};

/// Scales for int8 from the images of `run`.
[[nodiscard]] networks::Quantisation calibrate_model(const Model& model, const ImageRun& run,
                                                     const networks::QuantisationOptions& options);

/// Gives every batch norm the mean and variance that its input has over the images of `run`,
/// without changing the function of the (dense) model. Returns how many there are.
std::int64_t restate_model(Model& model, const ImageRun& run);

/// After pruning a restated model: replaces the statistics of all batch norms by those of the
/// pruned model over the images of `run`, in batches of run.batch. Returns how many there are.
std::int64_t recalibrate_model(Model& model, const ImageRun& run);

struct Prediction {
  std::int64_t image = 0;  ///< index into the list
  std::int64_t predicted = 0;
  float logit = 0.0F;
};

struct Predictions {
  std::vector<Prediction> images;  ///< in the order of run.indices
  double run_s = 0.0;              ///< the network alone
  double wall_s = 0.0;             ///< with reading and decoding, as far as they did not overlap
  runtime::MemoryUse memory;
};

/// The class with the largest output of each image. Throws Error(input) when the list has more
/// classes than the network has outputs.
[[nodiscard]] Predictions predict(const Model& model, const ImageRun& run,
                                  const runtime::ExecutorOptions& options);

/// How many of the predictions name the image's class, of those that `counts` (all, when empty).
struct Score {
  std::int64_t images = 0;
  std::int64_t right = 0;
  [[nodiscard]] double top1() const noexcept {
    return images == 0 ? 0.0 : static_cast<double>(right) / static_cast<double>(images);
  }
};
[[nodiscard]] Score score(const Predictions& predictions, const datasets::Dataset& list,
                          const std::function<bool(std::int64_t image)>& counts = {});

/// "image,predicted,logit" and a line per image: the name of a file, else the place in the list.
[[nodiscard]] std::string predictions_csv(const Predictions& predictions,
                                          const datasets::Dataset& list);

/// Images and how they become a network's input.
struct TransformedImages {
  std::unique_ptr<datasets::Dataset> list;
  datasets::Transform transform;
};

/// A split of a data set with the normalisation that training gave it (statistics of the training
/// split). Throws Error(unsupported) when the network reads another size or channel count.
[[nodiscard]] TransformedImages trained_images(const networks::Graph& graph,
                                               const std::string& source, datasets::Split split);

}  // namespace wbs::apps
