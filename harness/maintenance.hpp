// What can be done with a campaign's directory when no run is on: read it, check it, repair it,
// tidy it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/outcome.hpp"
#include "harness/plan.hpp"

namespace wbs::harness {

/// A campaign as its journals tell it: the newest generation.
struct LoadedCampaign {
  Plan plan;                          ///< its cases in the order of the newest plan that had them
  std::vector<TaskOutcome> outcomes;  ///< aligned to plan.tasks
  int generation = 0;
  int runs = 0;
  std::vector<std::string> notices;  ///< damage that was worked around
};

/// Reads without changing anything, also while a run is on. Throws Error(input) when the directory
/// holds no campaign.
[[nodiscard]] LoadedCampaign load_campaign(const std::string& directory);

/// What fsck found.
struct FsckReport {
  std::vector<std::string>
      errors;                      ///< damage: results or artifacts are lost, or the store is wrong
  std::vector<std::string> notes;  ///< traces of interrupted runs, harmless
  std::size_t journals = 0;
  std::uint64_t records = 0;
  std::size_t packs = 0;
  std::size_t artifacts = 0;
};

/// Checks every journal record, every artifact's digest, that each result has its artifact, and
/// that the store says what the journals say. Changes nothing. Throws Error(usage) while a run is
/// on.
[[nodiscard]] FsckReport fsck(const std::string& directory);

/// Makes the store anew from the journals. Throws Error(usage) while a run is on.
void rebuild_store(const std::string& directory);

/// What clean removed, or would remove.
struct CleanReport {
  std::vector<std::string> files;  ///< relative to the directory
  std::uint64_t bytes = 0;
};

/// Removes packs in which no artifact belongs to a task of the newest generation's cases, packs
/// that no result names, and leftovers of dead runs. Results stay: what needs a removed artifact
/// makes it again. With `dry_run` only reports. Throws Error(usage) while a run is on.
[[nodiscard]] CleanReport clean(const std::string& directory, bool dry_run = false);

/// What the stages of a case printed, every attempt under a heading. `case_name` may be any part of
/// the name that only one case has. Throws Error(usage) with the candidates otherwise.
[[nodiscard]] std::string case_logs(const std::string& directory, const std::string& case_name);

}  // namespace wbs::harness
