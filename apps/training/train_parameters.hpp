// What training can be asked for, as stage parameters, command line options and as the request of
// wbs-train.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/stage.hpp"

namespace wbs::apps {

/// The parameters of the stage `train` and of `wbs train`.
[[nodiscard]] std::vector<harness::ParameterSpec> train_parameters();

/// Those of the stage `pretrain`, which trains the dense network that `train` starts from: data,
/// network and recipe are the same ones, epochs and rates are its own (pretrain_epochs, ...).
[[nodiscard]] std::vector<harness::ParameterSpec> pretrain_parameters();

/// The request for wbs-train; files (weights, teacher, weights_out, checkpoint) are the caller's to
/// add. Throws Error(usage) for a method_options that is no JSON object.
[[nodiscard]] nlohmann::json train_request(const harness::Values& parameters);
[[nodiscard]] nlohmann::json pretrain_request(const harness::Values& parameters);

/// The digest of the training data at `path`: contents up to 1 GiB, else names and sizes; kept for
/// the next call. Throws Error(input) when nothing is there.
[[nodiscard]] const std::string& digest_of_data(const std::string& path);

/// Why `request` cannot be trained: what wbs-train would say about its members, an unknown network,
/// a pattern that does not fit. Adds the digest of the data, when they are files.
[[nodiscard]] std::vector<std::string> check_train_request(
    const nlohmann::json& request, std::map<std::string, std::string>& data_digests);

}  // namespace wbs::apps
