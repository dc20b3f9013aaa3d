// wbs-train as a child process: the only way in which these programs meet LibTorch.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace wbs::apps {

/// Is told every event of rank 0 (trainers/README.md) but the result.
using TrainEvents = std::function<void(const nlohmann::json&)>;

/// Why wbs-train cannot be started: empty when it can.
[[nodiscard]] std::string train_refusal();

/// The training methods of wbs-train, an array of {name, summary, source, prunes_weights}. Throws
/// Error(unsupported) where it was not built.
[[nodiscard]] nlohmann::json list_train_methods();

/// The result line of wbs-train for `request` (trainers/request.hpp), by `ranks` processes that
/// train data-parallel. When this process dies the children stop after their step and checkpoint.
/// Throws Error: the one that wbs-train reports, Error(unsupported) where it was not built,
/// Error(io) when a process cannot be made or ends without a result.
[[nodiscard]] nlohmann::json run_train_process(const nlohmann::json& request, int ranks,
                                               const TrainEvents& on_event);

}  // namespace wbs::apps
