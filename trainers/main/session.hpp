// One request of wbs-train, from data and weights to the result.
#pragma once

#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>

#include "trainers/method.hpp"
#include "trainers/request.hpp"

namespace wbs::trainers {

/// Trains what `request` asks for with one of `methods` and returns the result as wbs-train prints
/// it: {event: "result", outcome, reason, accuracy, achieved_sparsity, macs, step_ms,
/// weights_digest, ...}. Events of the trainer go to `on_event`. When `*stop` becomes true the run
/// ends after the current step as "aborted", with a checkpoint where the request names one. Throws
/// Error.
[[nodiscard]] nlohmann::json train(const TrainRequest& request, std::span<const MethodKind> methods,
                                   const std::atomic<bool>& stop,
                                   const std::function<void(const nlohmann::json&)>& on_event);

/// The device of a request: "auto" is CUDA where this LibTorch has it. Throws Error(unsupported)
/// for CUDA without one.
[[nodiscard]] torch::Device device_of(const std::string& name);

/// Makes LibTorch's mathematics repeatable: `threads` threads for its own loops and for OpenBLAS,
/// and cuDNN's deterministic algorithms.
void make_repeatable(std::int64_t threads);

}  // namespace wbs::trainers
