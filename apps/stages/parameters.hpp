// Reading a stage's parameters: they were type-checked when the experiment was expanded.
#pragma once

#include <string>

#include "harness/stage.hpp"

namespace wbs::apps {

/// The parameter `name`, which the stage declares with type T.
template <typename T>
[[nodiscard]] const T& parameter(const harness::Values& parameters, const std::string& name) {
  return std::get<T>(parameters.at(name));
}

[[nodiscard]] inline const std::string& text(const harness::Values& values,
                                             const std::string& name) {
  return parameter<std::string>(values, name);
}

}  // namespace wbs::apps
