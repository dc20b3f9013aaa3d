// Aligned columns for listings in a terminal.
#pragma once

#include <string>
#include <vector>

namespace wbs::apps {

/// `rows` under `header`, columns two spaces apart. A column whose cells all start with a digit is
/// aligned to the right. Ends with a newline.
[[nodiscard]] std::string aligned(const std::vector<std::string>& header,
                                  const std::vector<std::vector<std::string>>& rows);

/// "25,557,032".
[[nodiscard]] std::string grouped(long long number);

}  // namespace wbs::apps
