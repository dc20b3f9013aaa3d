#include <fmt/format.h>

#include "apps/network_source.hpp"
#include "apps/pruned_file.hpp"
#include "apps/stages/checks.hpp"
#include "apps/stages/parameters.hpp"
#include "apps/stages/stages.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "sparsity/importance.hpp"
#include "sparsity/pattern.hpp"
#include "sparsity/prune.hpp"

namespace wbs::apps {
namespace {

using harness::ValueType;

/// How to prune, parsed.
struct PruneChoice {
  sparsity::Pattern pattern;
  sparsity::Importance importance;
};

WeightsChoice weights_choice(const harness::Values& parameters) {
  return {text(parameters, "network"), text(parameters, "weights"),
          parameter<std::int64_t>(parameters, "seed")};
}

class PruneStage final : public harness::Stage {
 public:
  [[nodiscard]] std::string_view name() const override { return "prune"; }
  [[nodiscard]] int version() const override { return 1; }

  [[nodiscard]] std::vector<harness::ParameterSpec> parameters() const override {
    std::vector<harness::ParameterSpec> specs = network_parameters();
    specs.insert(
        specs.end(),
        {
            {"importance", ValueType::text, std::string("l2"),
             "ranks blocks: l2, l1, variance_block or variance_tensor"},
            {"weights", ValueType::text, std::string(),
             "an .onnx file (also below WBS_DATA_DIR) or seeded, alternatives separated by '|'; "
             "empty: the network's own file, else seeded"},
            {"seed", ValueType::integer, std::int64_t{1}, "of seeded weights"},
            {"prune_linear", ValueType::boolean, false, "prune fully connected layers too"},
        });
    return specs;
  }

  [[nodiscard]] std::vector<std::string> inputs() const override { return {}; }

  [[nodiscard]] harness::Resources resources(const harness::Values&) const override { return {}; }

  [[nodiscard]] std::vector<std::string> validate(
      const harness::Values& parameters,
      std::map<std::string, std::string>& data_digests) const override;

  [[nodiscard]] harness::StageResult run(const harness::StageRun& run) const override;
};

std::vector<std::string> PruneStage::validate(
    const harness::Values& parameters, std::map<std::string, std::string>& data_digests) const {
  std::vector<std::string> problems = check_network_and_pattern(
      parameters, data_digests, parameter<bool>(parameters, "prune_linear"));
  if (const auto importance = sparsity::parse_importance(text(parameters, "importance"));
      !importance) {
    problems.push_back(importance.error());
  }
  try {
    const std::string file = weights_file(weights_choice(parameters));
    if (!file.empty()) data_digests["weights"] = digest_of_file(file);
  } catch (const Error& error) {
    problems.emplace_back(error.what());
  }
  if (parameter<std::int64_t>(parameters, "seed") < 0) {
    problems.emplace_back("seed must not be negative");
  }
  return problems;
}

/// Prunes one tensor, stores it, and adds what was measured on the stored values to `result`.
double prune_layer(const networks::Node& node, const Tensor& original, const PruneChoice& choice,
                   PrunedFileWriter& file, harness::StageResult& result) {
  const sparsity::Pruned pruned =
      sparsity::prune(original, choice.pattern, {.importance = choice.importance});
  Tensor masked = original;
  pruned.mask.apply(masked);
  const LayerSparsity measured = file.add_pruned(node.name, masked, pruned);
  if (pruned.capped) result.warnings.push_back(fmt::format("{}: {}", node.name, pruned.reason));
  result.rows.push_back({{"layer", node.name},
                         {"requested_sparsity", pruned.requested},
                         {"achieved_sparsity", measured.zeros},
                         {"touched_operands", measured.density.operands},
                         {"capped", pruned.capped}});
  return measured.zeros;
}

harness::StageResult PruneStage::run(const harness::StageRun& run) const {
  const networks::Graph& graph =
      load_graph(text(run.parameters, "network"), text(run.parameters, "input"));
  const PruneChoice choice{
      value_or_throw(sparsity::parse_pattern(text(run.parameters, "pattern")), ErrorKind::usage),
      value_or_throw(sparsity::parse_importance(text(run.parameters, "importance")))};
  const bool linear_too = parameter<bool>(run.parameters, "prune_linear");
  const LoadedWeights& loaded = load_weights(graph, weights_choice(run.parameters));

  harness::StageResult result;
  double zeros = 0;
  std::int64_t weights = 0;
  PrunedFileWriter file(run.output_path, {{"network", graph.name},
                                          {"pattern", sparsity::to_string(choice.pattern)},
                                          {"importance", text(run.parameters, "importance")},
                                          {"weights_source", loaded.source}});
  for (const networks::Node& node : graph.nodes) {
    for (const auto& [role, shape] : node.weight_shapes) {
      const Tensor& tensor = loaded.values.at(networks::weight_key(node, role));
      if (role != "weight" || !is_pruned(graph, node, linear_too)) {
        file.add_unchanged(node.name, role, tensor);
        continue;
      }
      const auto count = static_cast<std::int64_t>(tensor.values.size());
      zeros += static_cast<double>(count) * prune_layer(node, tensor, choice, file, result);
      weights += count;
    }
  }
  if (weights == 0) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{} has no layer that a pattern applies to", graph.name));
  }
  result.metrics = {
      {"requested_sparsity", sparsity::nominal_sparsity(choice.pattern)},
      {"achieved_sparsity", zeros / static_cast<double>(weights)},
      {"capped_layers", static_cast<std::int64_t>(result.warnings.size())},
      {"pruned_layers", static_cast<std::int64_t>(result.rows.size())},
      {"pruned_weights", weights},
      {"pattern_kept", sparsity::describe(choice.pattern).kept},
      {"pattern_axis", sparsity::describe(choice.pattern).axis},
      {"weights_source", loaded.source},
      {"weights_digest", file.close()},
  };
  return result;
}

}  // namespace

std::unique_ptr<harness::Stage> make_prune_stage() {
  return std::make_unique<PruneStage>();
}

}  // namespace wbs::apps
