#include <fmt/format.h>

#include <set>

#include "apps/inference.hpp"
#include "apps/paths.hpp"
#include "apps/quantised_file.hpp"
#include "apps/stages/model_parameters.hpp"
#include "apps/stages/parameters.hpp"
#include "apps/stages/stages.hpp"
#include "apps/text_file.hpp"
#include "core/error.hpp"

namespace wbs::apps {
namespace {

using harness::ValueType;

/// Images whose statistics batch norms see together.
constexpr std::int64_t kRecalibrationBatch = 50;

class InferStage final : public harness::Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "infer"; }
  [[nodiscard]] int version() const override { return 1; }

  [[nodiscard]] std::vector<harness::ParameterSpec> parameters() const override {
    std::vector<harness::ParameterSpec> specs = model_parameters();
    specs.insert(
        specs.end(),
        {
            {"images", ValueType::text, std::string(), "folder or archive <class>/<image>.jpg"},
            {"data", ValueType::text, std::string(),
             "without images: the stage train's data, whose test split is used"},
            {"type", ValueType::text, std::string("fp32"),
             "fp32, bf16 or int8 (the scales are those of the quantize stage)"},
            {"recalibrate_bn", ValueType::integer, std::int64_t{0},
             "images, evenly spread, that give the pruned network's batch norms new statistics"},
            {"limit", ValueType::integer, std::int64_t{0}, "only so many images, evenly spread"},
        });
    return specs;
  }

  [[nodiscard]] std::vector<std::string> inputs() const override {
    return {"prune", "train", "quantize"};
  }
  [[nodiscard]] harness::Resources resources(const harness::Values&) const override { return {}; }

  [[nodiscard]] std::vector<std::string> validate(
      const harness::Values& parameters,
      std::map<std::string, std::string>& data_digests) const override;

  [[nodiscard]] harness::StageResult run(const harness::StageRun& run) const override;
};

std::vector<std::string> InferStage::validate(
    const harness::Values& parameters, std::map<std::string, std::string>& data_digests) const {
  std::vector<std::string> problems =
      check_model(parameters, text(parameters, "images"), data_digests);
  if (text(parameters, "images").empty() && text(parameters, "data").empty()) {
    problems.emplace_back("infer needs images: the parameter images, or data");
  }
  const auto element = kernels::parse_element(text(parameters, "type"));
  if (!element) problems.push_back(element.error());
  for (const char* name : {"recalibrate_bn", "limit"}) {
    if (parameter<std::int64_t>(parameters, name) < 0) {
      problems.push_back(fmt::format("{} must not be negative", name));
    }
  }
  if (element == kernels::Element::u8 &&
      parameter<std::int64_t>(parameters, "recalibrate_bn") > 0) {
    problems.emplace_back(
        "type int8 takes the quantize stage's scales, which recalibrated batch "
        "norms would not fit: leave recalibrate_bn at 0");
  }
  return problems;
}

harness::StageResult InferStage::run(const harness::StageRun& run) const {
  Model model = dense_model(run.parameters);
  const TransformedImages images = stage_images(run.parameters, model, datasets::Split::test);
  const datasets::Dataset& list = *images.list;
  const auto spread = [&](const char* name) {
    const auto count = parameter<std::int64_t>(run.parameters, name);
    return spread_indices(count > 0 ? count : list.size(), list.size());
  };
  std::set<std::int64_t> used;
  const bool recalibrate = parameter<std::int64_t>(run.parameters, "recalibrate_bn") > 0;
  if (recalibrate) {
    const std::vector<std::int64_t> indices = spread("recalibrate_bn");
    used.insert(indices.begin(), indices.end());
    const ImageRun some = image_run(run, images, indices, kRecalibrationBatch);
    restate_model(model, some);
    apply_pruned(run.inputs, model);
    recalibrate_model(model, some);
  } else {
    apply_pruned(run.inputs, model);
  }
  runtime::ExecutorOptions options;
  options.element = value_or_throw(kernels::parse_element(text(run.parameters, "type")));
  networks::Quantisation quantisation;
  if (options.element == kernels::Element::u8) {
    const auto quantized = run.inputs.find("quantize");
    if (quantized == run.inputs.end()) {
      throw Error(ErrorKind::usage, "infer: type int8 needs the stage quantize before it");
    }
    quantisation = read_quantised(quantized->second).quantisation;
    options.quantisation = &quantisation;
  }
  const Predictions predictions =
      predict(model, image_run(run, images, spread("limit"), 1), options);
  write_text_file(run.output_path, predictions_csv(predictions, list));

  const Score all = score(predictions, list);
  const Score others =
      score(predictions, list, [&](std::int64_t image) { return !used.contains(image); });
  harness::StageResult result;
  result.metrics = {
      {"images", all.images},
      {"top1", all.top1()},
      {"images_not_used_before", others.images},
      {"top1_not_used_before", others.top1()},
      {"weight_bytes", predictions.memory.weight_bytes},
      {"peak_bytes", predictions.memory.total_bytes()},
  };
  return result;
}

}  // namespace

std::unique_ptr<harness::Stage> make_infer_stage() {
  return std::make_unique<InferStage>();
}

}  // namespace wbs::apps
