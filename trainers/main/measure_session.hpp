// A request that asks for times instead of a trained network.
#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "trainers/method.hpp"
#include "trainers/request.hpp"

namespace wbs::trainers {

/// Times steps (or one layer's products) under the request's method, pattern and backend beside
/// LibTorch's dense ones, in this process and in turn: the result of step_bench.hpp with the
/// request's main members. Images are random, 3x32x32 unless the request says. Throws Error.
[[nodiscard]] nlohmann::json measure(const TrainRequest& request,
                                     std::span<const MethodKind> methods);

}  // namespace wbs::trainers
