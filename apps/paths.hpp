// Where programs and data files are.
#pragma once

#include <string>

namespace wbs::apps {

/// The path of a program that was built beside this one, for example "wbs-worker".
[[nodiscard]] std::string sibling_program(const std::string& name);

/// `path` itself when it exists; else the file of that name below WBS_DATA_DIR; else `path`.
[[nodiscard]] std::string resolve_data_path(const std::string& path);

}  // namespace wbs::apps
