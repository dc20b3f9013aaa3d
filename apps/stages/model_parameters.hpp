// What the stages that run networks on images share: their parameters, and the model they mean.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/inference.hpp"
#include "apps/network_source.hpp"
#include "harness/stage.hpp"

namespace wbs::apps {

/// The artifact with masked weights among a stage's inputs: of prune, else of train, else end().
[[nodiscard]] std::map<std::string, std::string>::const_iterator masked_input(
    const std::map<std::string, std::string>& inputs);

/// The parameters network, input, weights and seed.
[[nodiscard]] std::vector<harness::ParameterSpec> model_parameters();

[[nodiscard]] WeightsChoice weights_choice(const harness::Values& parameters);

/// Why network, weights and seed among `parameters`, or the images at `images` (none when empty),
/// cannot work. Adds digests of the files.
[[nodiscard]] std::vector<std::string> check_model(
    const harness::Values& parameters, const std::string& images,
    std::map<std::string, std::string>& data_digests);

/// The dense network of the parameters.
[[nodiscard]] Model dense_model(const harness::Values& parameters);

/// Puts in the weights and masks of the prune stage's artifact, when it is among `inputs`.
void apply_pruned(const std::map<std::string, std::string>& inputs, Model& model);

/// A run over `indices` on one thread that reports to the stage's progress: ranks run cases side by
/// side, where the busy waiting of OpenMP's threads costs more than they bring.
[[nodiscard]] ImageRun image_run(const harness::StageRun& run, const TransformedImages& images,
                                 std::vector<std::int64_t> indices, std::int64_t batch);

/// The images of a stage: the list that the parameter `images` names, else the given split of the
/// training stage's `data`. The list is null when there are neither.
[[nodiscard]] TransformedImages stage_images(const harness::Values& parameters, const Model& model,
                                             datasets::Split split);

}  // namespace wbs::apps
