#include "trainers/request.hpp"

#include <fmt/format.h>

#include <limits>

#include "trainers/fields.hpp"

namespace wbs::trainers {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

DataRequest parse_data(const nlohmann::json& value, std::vector<std::string>& problems) {
  DataRequest data;
  if (value.is_null()) return data;
  if (value.is_string()) {
    data.source = value.get<std::string>();
    return data;
  }
  Fields fields(value, "data", problems);
  fields.read("source", data.source);
  fields.read("flip", data.flip);
  fields.read("crop_padding", data.crop_padding, 0, 4096);
  fields.read("cutout", data.cutout, 0, 4096);
  fields.read("workers", data.workers, 1, 1024);
  fields.read("skip_bad_images", data.skip_bad_images);
  fields.finish();
  return data;
}

RanksRequest parse_ranks(const nlohmann::json& value, std::vector<std::string>& problems) {
  RanksRequest ranks;
  if (value.is_null()) return ranks;
  Fields fields(value, "ranks", problems);
  fields.read("size", ranks.size, 1, 1024);
  fields.read("rank", ranks.rank, 0, ranks.size - 1);
  fields.read("meeting", ranks.meeting);
  fields.finish();
  if (ranks.size > 1 && ranks.meeting.empty()) {
    problems.emplace_back("ranks.meeting: expected the path of a file for the ranks to meet in");
  }
  return ranks;
}

MeasureRequest parse_measure(const nlohmann::json& value, std::vector<std::string>& problems) {
  MeasureRequest measure;
  if (value.is_null()) return measure;
  measure.steps = 10;
  Fields fields(value, "measure", problems);
  fields.read("steps", measure.steps, 1, 100'000);
  if (const nlohmann::json product = fields.member("product"); !product.is_null()) {
    bool good = product.is_array() && product.size() == 4;
    for (std::size_t i = 0; good && i < 4; ++i) {
      good = product[i].is_number_integer() && product[i] >= 1 && product[i] <= 65536;
    }
    if (good) {
      measure.product = product.get<std::vector<std::int64_t>>();
    } else {
      problems.push_back(fmt::format(
          "measure.product: {} is no list of input channels, output channels, rows and kernel",
          product.dump()));
    }
  }
  fields.finish();
  return measure;
}

/// "method" is a name, or an object with "name" and the method's own options.
void parse_method(const nlohmann::json& value, TrainRequest& request,
                  std::vector<std::string>& problems) {
  if (value.is_null()) return;
  if (value.is_string()) {
    request.method = value.get<std::string>();
    return;
  }
  if (!value.is_object() || !value.contains("name") || !value["name"].is_string()) {
    problems.push_back(
        fmt::format("method: {} is neither a name nor an object with a name", value.dump()));
    return;
  }
  request.method = value["name"].get<std::string>();
  request.method_options = value;
  request.method_options.erase("name");
}

void parse_pattern_text(Fields& fields, TrainRequest& request, std::vector<std::string>& problems) {
  std::string text = "dense";
  fields.read("pattern", text);
  if (const auto pattern = sparsity::parse_pattern(text)) {
    request.pattern = *pattern;
  } else {
    problems.push_back("pattern: " + pattern.error());
  }
}

void parse_input(const nlohmann::json& value, TrainRequest& request,
                 std::vector<std::string>& problems) {
  if (value.is_null()) return;
  bool good = value.is_array() && value.size() == 3;
  for (std::size_t i = 0; good && i < 3; ++i) {
    good = value[i].is_number_integer() && value[i] >= 1 && value[i] <= 65536;
  }
  if (!good) {
    problems.push_back(
        fmt::format("input: {} is no list of channels, height and width", value.dump()));
    return;
  }
  request.input = value.get<std::vector<std::int64_t>>();
}

}  // namespace

TrainRequest parse_request(const nlohmann::json& object) {
  std::vector<std::string> problems;
  TrainRequest request;
  Fields fields(object, "", problems);
  fields.read("network", request.network);
  fields.read("graph", request.graph);
  parse_input(fields.member("input"), request, problems);
  request.data = parse_data(fields.member("data"), problems);
  parse_method(fields.member("method"), request, problems);
  parse_pattern_text(fields, request, problems);
  fields.read("linear", request.linear);
  fields.read("dense_last", request.dense_last);
  if (const nlohmann::json recipe = fields.member("recipe"); !recipe.is_null()) {
    request.recipe = parse_recipe(recipe, problems);
  }
  fields.read("seed", request.seed, 0, kMost);
  fields.read("weights", request.weights);
  fields.read("teacher", request.teacher);
  fields.read("weights_out", request.weights_out);
  fields.read("checkpoint", request.checkpoint);
  fields.read("checkpoint_epochs", request.checkpoint_epochs, 1, 100'000);
  fields.read("evaluate_epochs", request.evaluate_epochs, 1, 100'000);
  const std::vector<std::string> backends{"dense", "sparse"};
  std::size_t backend = 0;
  fields.read_choice("backend", backend, backends);
  request.backend = backends[backend];
  const std::vector<std::string> devices{"auto", "cpu", "cuda"};
  std::size_t device = 0;
  fields.read_choice("device", device, devices);
  request.device = devices[device];
  request.ranks = parse_ranks(fields.member("ranks"), problems);
  request.measure = parse_measure(fields.member("measure"), problems);
  fields.read("threads", request.threads, 1, 1024);
  fields.finish();
  const bool needs_network = request.measure.product.empty();
  if (needs_network && request.network.empty() == request.graph.empty()) {
    problems.emplace_back("network: expected either a network's name or, as 'graph', its text");
  }
  if (request.recipe.distill_weight > 0.0 && request.teacher.empty()) {
    problems.emplace_back("teacher: recipe.distill_weight needs the dense network's weights");
  }
  throw_problems(problems);
  return request;
}

nlohmann::json to_json(const TrainRequest& request) {
  nlohmann::json method = request.method_options;
  method["name"] = request.method;
  nlohmann::json json = {{"data",
                          {{"source", request.data.source},
                           {"flip", request.data.flip},
                           {"crop_padding", request.data.crop_padding},
                           {"cutout", request.data.cutout},
                           {"workers", request.data.workers},
                           {"skip_bad_images", request.data.skip_bad_images}}},
                         {"method", method},
                         {"pattern", sparsity::to_string(request.pattern)},
                         {"linear", request.linear},
                         {"dense_last", request.dense_last},
                         {"recipe", to_json(request.recipe)},
                         {"seed", request.seed},
                         {"weights", request.weights},
                         {"teacher", request.teacher},
                         {"weights_out", request.weights_out},
                         {"checkpoint", request.checkpoint},
                         {"checkpoint_epochs", request.checkpoint_epochs},
                         {"evaluate_epochs", request.evaluate_epochs},
                         {"backend", request.backend},
                         {"device", request.device},
                         {"threads", request.threads}};
  if (request.ranks.size > 1) {
    json["ranks"] = {{"rank", request.ranks.rank},
                     {"size", request.ranks.size},
                     {"meeting", request.ranks.meeting}};
  }
  if (request.measure.steps > 0) {
    json["measure"] = {{"steps", request.measure.steps}};
    if (!request.measure.product.empty()) json["measure"]["product"] = request.measure.product;
  }
  if (!request.network.empty()) json["network"] = request.network;
  if (!request.graph.empty()) json["graph"] = request.graph;
  if (!request.input.empty()) json["input"] = request.input;
  return json;
}

}  // namespace wbs::trainers
