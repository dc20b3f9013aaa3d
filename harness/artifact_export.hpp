// Copies of a campaign's artifacts for people and other programs.
#pragma once

#include <string>

namespace wbs::harness {

/// Writes the artifact of the task with `key` and `digest` in the campaign in `directory` to
/// `output`, its digest checked, under a temporary name first. Throws Error(input) when the
/// campaign does not hold it (any more), Error(io) when `output` cannot be written.
void export_artifact(const std::string& directory, const std::string& key,
                     const std::string& digest, const std::string& output);

}  // namespace wbs::harness
