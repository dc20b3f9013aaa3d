// TOML files that are no experiments, as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace wbs::harness {

/// The file's tables as nested objects; dates and times become text. Throws Error(input) naming
/// file, line and column of what is no TOML, Error(input) when there is no such file, Error(io)
/// when reading fails.
[[nodiscard]] nlohmann::json read_toml(const std::string& path);

}  // namespace wbs::harness
