// Whole text files.
#pragma once

#include <string>
#include <string_view>

namespace wbs::apps {

/// The file's bytes. Throws Error(io) naming the path.
[[nodiscard]] std::string read_text_file(const std::string& path);

/// Writes under a temporary name and renames, so that a reader sees the old file or the whole new
/// one. Throws Error(io) naming the path.
void write_text_file(const std::string& path, std::string_view text);

}  // namespace wbs::apps
