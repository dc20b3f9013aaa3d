#include "trainers/main/session.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "core/error.hpp"
#include "datasets/open_dataset.hpp"
#include "networks/initialise.hpp"
#include "networks/text_form.hpp"
#include "networks/zoo.hpp"
#include "trainers/main/backend_choice.hpp"
#include "trainers/main/loader_batches.hpp"
#include "trainers/safetensors.hpp"
#include "trainers/shared_ranks.hpp"
#include "trainers/trainer.hpp"

namespace wbs::trainers {
namespace {

constexpr std::int64_t kTestBatch = 250;
constexpr std::int64_t kResizedPerCropped = 256;  // of 224: the usual centre crop
constexpr std::int64_t kCropped = 224;

/// A path as given, or below WBS_DATA_DIR where it is not there.
std::string data_path(const std::string& source) {
  const char* folder = std::getenv("WBS_DATA_DIR");
  if (folder == nullptr || source.empty() || source == "embedded") return source;
  if (std::filesystem::exists(source)) return source;
  const std::filesystem::path below = std::filesystem::path(folder) / source;
  return std::filesystem::exists(below) ? below.string() : source;
}

/// Data, network and how the one goes into the other.
struct Model {
  std::unique_ptr<datasets::Dataset> train_data, test_data;
  networks::Graph graph;
  datasets::Transform transform;
  bool resized = false;  // images differ in size from the network's input
};

std::array<std::int64_t, 3> input_of(const TrainRequest& request,
                                     const datasets::ImageShape& shape) {
  if (!request.input.empty()) return {request.input[0], request.input[1], request.input[2]};
  if (!shape.all_alike || shape.height != shape.width) {
    throw Error(ErrorKind::usage,
                "input: the images differ in size or are not square; name the "
                "network's input, for example [3, 224, 224]");
  }
  return {shape.channels, shape.height, shape.width};
}

void set_transform(Model& model, std::array<std::int64_t, 3> input) {
  const datasets::ImageShape shape = model.train_data->shape();
  if (input[1] != input[2]) {
    throw Error(ErrorKind::unsupported, "input: training takes square images only");
  }
  const datasets::ChannelStatistics statistics = datasets::channel_statistics(*model.train_data);
  datasets::Transform& transform = model.transform;
  transform.mean = statistics.mean;
  transform.deviation = statistics.deviation;
  transform.channels = input[0];
  transform.crop = input[1];
  const bool square = shape.all_alike && shape.height == shape.width;
  if (square && input[1] >= shape.height && (input[1] - shape.height) % 2 == 0) {
    transform.pad = (input[1] - shape.height) / 2;
  } else {
    transform.resize_shorter = input[1] * kResizedPerCropped / kCropped;
    model.resized = true;
  }
}

Model open_model(const TrainRequest& request) {
  Model model;
  const std::string source = data_path(request.data.source);
  model.train_data = datasets::open_dataset(source, datasets::Split::train);
  const auto classes = static_cast<std::int64_t>(model.train_data->classes().size());
  model.test_data = datasets::open_dataset(source, datasets::Split::test, classes);
  std::array<std::int64_t, 3> input{};
  if (request.graph.empty()) {
    input = input_of(request, model.train_data->shape());
    model.graph = networks::build_network(request.network, {.input = input, .classes = classes});
  } else {
    model.graph = value_or_throw(networks::parse_graph(request.graph));
    const Shape& shape = model.graph.nodes[0].output_shape;
    if (shape.size() != 4) {
      throw Error(ErrorKind::unsupported, fmt::format("network '{}' takes {}, no images",
                                                      model.graph.name, wbs::to_string(shape)));
    }
    input = {shape[1], shape[2], shape[3]};
    const Shape& output = model.graph.nodes[model.graph.output].output_shape;
    if (element_count(output) != classes * output.at(0)) {
      throw Error(ErrorKind::input,
                  fmt::format("network '{}' gives {}, but the data have {} classes",
                              model.graph.name, wbs::to_string(output), classes));
    }
  }
  set_transform(model, input);
  return model;
}

datasets::LoaderOptions train_options(const TrainRequest& request, const Model& model) {
  datasets::LoaderOptions options;
  options.batch = request.recipe.batch;
  options.transform = model.transform;
  options.threads = static_cast<int>(request.data.workers);
  datasets::Augmentation augmentation;
  augmentation.flip = request.data.flip;
  augmentation.cutout = request.data.cutout;
  if (model.resized) {
    augmentation.resized_crop = datasets::RandomResizedCrop{};
  } else if (request.data.crop_padding > 0) {
    augmentation.random_crop = true;
    augmentation.pad = request.data.crop_padding;
  }
  options.augmentation = augmentation;
  options.shuffle = true;
  options.seed = static_cast<std::uint64_t>(request.seed);
  options.drop_last = true;
  options.shard = {request.ranks.rank, request.ranks.size};
  options.bad_images =
      request.data.skip_bad_images ? datasets::BadImages::skip : datasets::BadImages::fatal;
  return options;
}

datasets::LoaderOptions test_options(const TrainRequest& request, const Model& model) {
  datasets::LoaderOptions options;
  options.batch = kTestBatch;
  options.shard = {request.ranks.rank, request.ranks.size};
  options.transform = model.transform;
  options.threads = static_cast<int>(request.data.workers);
  options.bad_images =
      request.data.skip_bad_images ? datasets::BadImages::skip : datasets::BadImages::fatal;
  return options;
}

std::unique_ptr<Ranks> ranks_of(const RanksRequest& request) {
  if (request.size == 1) return one_rank();
  return shared_ranks(request.meeting, static_cast<int>(request.rank),
                      static_cast<int>(request.size));
}

/// Weights from a file: exactly the network's tensors, so that those of another network are
/// refused.
networks::Weights read_weights(const networks::Graph& graph, const std::string& path) {
  networks::Weights weights;
  for (const auto& [name, stored] : read_safetensors(path).tensors) {
    weights[name] = tensor_of(stored, name);
  }
  networks::check_weights(graph, weights);
  std::size_t expected = 0;
  for (const networks::Node& node : graph.nodes) expected += node.weight_shapes.size();
  if (weights.size() != expected) {
    throw Error(ErrorKind::input,
                fmt::format("'{}' has {} tensors, but network '{}' has {}: it is another network's",
                            path, weights.size(), graph.name, expected));
  }
  return weights;
}

void write_weights(const std::string& path, const networks::Weights& weights,
                   const nlohmann::json& result) {
  SafeTensors file;
  for (const auto& [name, tensor] : weights) file.tensors[name] = stored_of(tensor);
  for (const char* key : {"network", "method", "pattern", "weights_digest", "outcome"}) {
    file.metadata[key] = result.at(key).get<std::string>();
  }
  write_safetensors(path, file);
}

nlohmann::json result_json(const TrainRequest& request, const Model& model,
                           const TrainingResult& result) {
  nlohmann::json json{{"event", "result"},
                      {"outcome", to_string(result.outcome)},
                      {"network", model.graph.name},
                      {"data", model.train_data->source()},
                      {"method", request.method},
                      {"pattern", sparsity::to_string(request.pattern)},
                      {"seed", request.seed},
                      {"accuracy", nullptr},
                      {"achieved_sparsity", nullptr},
                      {"macs",
                       {{"dense", result.macs.dense},
                        {"ff", result.macs.ff},
                        {"bp", result.macs.bp},
                        {"wu", result.macs.wu},
                        {"share", result.macs.share()}}},
                      {"step_ms", result.step_ms},
                      {"wait_ms", result.wait_ms},
                      {"loss", result.loss},
                      {"epochs", result.epochs},
                      {"steps", result.steps},
                      {"seconds", result.seconds},
                      {"weights_digest", nullptr}};
  if (!result.reason.empty()) json["reason"] = result.reason;
  if (result.evaluation) {
    const Evaluation& evaluation = *result.evaluation;
    if (evaluation.accuracy) json["accuracy"] = *evaluation.accuracy;
    if (!evaluation.reason.empty()) json["reason"] = evaluation.reason;
    json["accuracy_as_is"] = evaluation.accuracy_as_is;
    json["achieved_sparsity"] = evaluation.achieved_sparsity;
  }
  if (!result.weights.empty()) json["weights_digest"] = digest_of(result.weights);
  return json;
}

}  // namespace

torch::Device device_of(const std::string& name) {
  const bool cuda = torch::cuda::is_available();
  if (name == "cuda" && !cuda) {
    throw Error(ErrorKind::unsupported, "device: this LibTorch finds no CUDA device");
  }
  return name != "cpu" && cuda ? torch::kCUDA : torch::kCPU;
}

void make_repeatable(std::int64_t threads) {
  at::set_num_threads(static_cast<int>(threads));
  // Debian's OpenBLAS has threads of its own that LibTorch does not know of.
  using SetThreads = void (*)(int);
  if (void* const found = ::dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<SetThreads>(found)(static_cast<int>(threads));
  }
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
}

nlohmann::json train(const TrainRequest& request, std::span<const MethodKind> methods,
                     const std::atomic<bool>& stop,
                     const std::function<void(const nlohmann::json&)>& on_event) {
  const MethodKind& kind = find_method(methods, request.method);
  if (const auto accepted = kind.accepts(request.pattern); !accepted) {
    throw Error(ErrorKind::unsupported, accepted.error());
  }
  const BackendChooser backend = backend_chooser(request);
  const std::unique_ptr<Method> method = kind.make(request.method_options);
  const torch::Device device = device_of(request.device);
  make_repeatable(request.threads);

  const std::unique_ptr<Ranks> ranks = ranks_of(request.ranks);
  const Model model = open_model(request);
  const auto train = loader_batches(*model.train_data, train_options(request, model));
  const auto test = loader_batches(*model.test_data, test_options(request, model));
  const auto seed = static_cast<std::uint64_t>(request.seed);
  TrainingSetup setup;
  setup.graph = model.graph;
  setup.weights = request.weights.empty() ? networks::initialise(model.graph, seed)
                                          : read_weights(model.graph, request.weights);
  if (!request.teacher.empty()) setup.teacher = read_weights(model.graph, request.teacher);
  setup.choice = {request.pattern, request.linear, request.dense_last};
  setup.recipe = request.recipe;
  setup.seed = seed;
  setup.device = device;
  setup.backend = backend;
  setup.method_name = request.method;
  setup.method_options = request.method_options;
  setup.prunes_weights = kind.prunes_weights;
  setup.method = method.get();
  setup.train = train.get();
  setup.test = test.get();
  setup.ranks = ranks.get();
  setup.checkpoint = request.checkpoint;
  setup.checkpoint_epochs = request.checkpoint_epochs;
  setup.evaluate_epochs = request.evaluate_epochs;
  setup.stop = &stop;
  setup.on_event = on_event;
  const TrainingResult result = Trainer(std::move(setup)).run();
  nlohmann::json json = result_json(request, model, result);
  json["device"] = device.str();
  if (!result.weights.empty() && !request.weights_out.empty() && request.ranks.rank == 0) {
    write_weights(request.weights_out, result.weights, json);
  }
  return json;
}

}  // namespace wbs::trainers
