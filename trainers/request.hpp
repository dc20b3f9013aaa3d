// What wbs-train is asked to do: one JSON object. No LibTorch here: whoever starts wbs-train uses
// it to check a request first.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sparsity/pattern.hpp"
#include "trainers/recipe.hpp"

namespace wbs::trainers {

/// The data and how images are changed on their way in.
struct DataRequest {
  std::string source = "embedded";  ///< as in datasets/open_dataset.hpp
  bool flip = false;                ///< left and right, at random
  std::int64_t crop_padding = 0;    ///< random crops of the image with this much padding
  std::int64_t cutout = 0;          ///< side of the square that is blanked, 0: none
  std::int64_t workers = 1;         ///< threads of the loader; changes no result
  bool skip_bad_images = false;     ///< name them and go on, instead of ending the run
};

/// This process's place among the ranks of one run (shared_ranks.hpp).
struct RanksRequest {
  std::int64_t rank = 0;
  std::int64_t size = 1;
  std::string meeting;  ///< path of the file that they meet in
};

/// Time steps instead of training.
struct MeasureRequest {
  std::int64_t steps = 0;  ///< of each network, in turn; 0: train
  /// Input and output channels, rows and columns, kernel: FF and BP of this layer alone instead of
  /// a network; empty: the network.
  std::vector<std::int64_t> product;
};

/// Members and their JSON names are the same; objects for data, method, recipe, ranks and measure.
struct TrainRequest {
  std::string network;              ///< name in the zoo
  std::string graph;                ///< or the network's text form (networks/text_form.hpp)
  std::vector<std::int64_t> input;  ///< channels, height, width; empty: the data's
  DataRequest data;
  std::string method = "dense";
  nlohmann::json method_options = nlohmann::json::object();  ///< the other members of "method"
  sparsity::Pattern pattern;
  bool linear = false;      ///< the pattern applies to linear layers too
  bool dense_last = false;  ///< but not to the network's last layer
  Recipe recipe;
  std::int64_t seed = 1;               ///< of initial weights, order of the data and augmentation
  std::string weights;                 ///< safetensors to start from, empty: seeded ones
  std::string teacher;                 ///< safetensors of the dense network to learn from
  std::string weights_out;             ///< where the result's weights go, empty: nowhere
  std::string checkpoint;              ///< file that is written while training and continued from
  std::int64_t checkpoint_epochs = 1;  ///< epochs between checkpoints
  std::int64_t evaluate_epochs = 1;    ///< epochs between evaluations; the last is always evaluated
  std::string backend = "dense";       ///< of the sparsified layers' products: dense or sparse
  std::string device = "auto";         ///< auto, cpu or cuda
  RanksRequest ranks;
  MeasureRequest measure;
  std::int64_t threads = 1;  ///< of the mathematics; more than 1: see trainers/README.md
};

/// The request of a JSON object. Throws Error(usage) with all problems, one a line.
[[nodiscard]] TrainRequest parse_request(const nlohmann::json& object);

/// The object that parse_request() reads back.
[[nodiscard]] nlohmann::json to_json(const TrainRequest& request);

}  // namespace wbs::trainers
