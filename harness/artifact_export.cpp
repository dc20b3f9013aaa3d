#include "harness/artifact_export.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <system_error>

#include "core/error.hpp"
#include "harness/campaign.hpp"
#include "harness/pack.hpp"

namespace wbs::harness {
namespace {

namespace fs = std::filesystem;

std::optional<ArtifactPlace> find_artifact(const std::string& packs, const std::string& key,
                                           const std::string& digest) {
  for (const fs::directory_entry& entry : fs::directory_iterator(packs)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(".pack") && !name.ends_with(".artifact")) continue;
    for (const PackEntry& item : read_pack_index(packs, name)) {
      if (item.key == key && item.place.digest == digest) return item.place;
    }
  }
  return std::nullopt;
}

}  // namespace

void export_artifact(const std::string& directory, const std::string& key,
                     const std::string& digest, const std::string& output) {
  const std::string packs = packs_directory(directory);
  const std::optional<ArtifactPlace> place = find_artifact(packs, key, digest);
  if (!place) {
    throw Error(ErrorKind::input,
                fmt::format("{}: no pack holds the artifact of task {}: it was cleaned away; "
                            "running the experiment again makes it",
                            directory, key));
  }
  const fs::path folder = fs::absolute(output).parent_path();
  const std::string source = open_artifact(packs, *place, folder.string());
  const std::string temporary = output + ".partial";
  std::error_code failure;
  fs::copy_file(source, temporary, fs::copy_options::overwrite_existing, failure);
  if (!failure) fs::rename(temporary, output, failure);
  if (fs::path(source).parent_path() == folder) fs::remove(source);  // open_artifact's own copy
  if (failure) {
    throw Error(ErrorKind::io,
                fmt::format("{}: cannot be written ({})", output, failure.message()));
  }
}

}  // namespace wbs::harness
