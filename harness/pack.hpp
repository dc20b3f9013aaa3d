// Packs: where artifacts live. Never changed once they have their name.
//
// A segment ("*.pack") holds many small artifacts: "WBSPACK1", the artifacts' bytes, an index
// (JSON: key, offset, size, digest), then index length (u64), CRC32C of the index (u32) and
// "WBSPEND1". A big artifact is a pack of its own ("*.artifact"): the stage's output file, renamed,
// so that no second copy is ever written and a stage can read it in place; its index is the file
// beside it
// ("*.artifact.index", JSON).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace wbs::harness {

/// Artifacts of this size or more are renamed into a pack of their own.
inline constexpr std::uint64_t kBigArtifactBytes = std::uint64_t{1} << 20;

/// Where an artifact is: `pack` is a file name in the campaign's packs/.
struct ArtifactPlace {
  std::string pack;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string digest;
};

/// A stage's output that is to be packed.
struct ArtifactFile {
  std::string key;     ///< of the task
  std::string path;    ///< on the file system that holds packs/; gone afterwards
  std::string digest;  ///< as computed by the process that wrote it
};

/// What became of one ArtifactFile: a place, or the reason why it cannot be trusted.
struct PackedArtifact {
  ArtifactPlace place;
  std::string problem;  ///< "digest is A, B expected"; empty when packed
};

/// Packs `files` durably: written under temporary names, synced, read back and verified against
/// their digests, renamed, directory synced. Small ones share `packs_directory`/`name`.pack, big
/// ones are renamed to `name`-N.artifact. Results are in the order of `files`. A file whose digest
/// does not match is left out and reported; every other trouble throws Error(io).
[[nodiscard]] std::vector<PackedArtifact> write_pack(const std::string& packs_directory,
                                                     const std::string& name,
                                                     const std::vector<ArtifactFile>& files);

/// Path of a file with exactly the artifact's verified bytes: the pack itself for a big artifact
/// (no copy), else a copy in `scratch_directory`. Throws Error(input) naming pack and digests when
/// the pack is missing, cut or damaged, Error(io) when the copy cannot be written.
[[nodiscard]] std::string open_artifact(const std::string& packs_directory,
                                        const ArtifactPlace& place,
                                        const std::string& scratch_directory);

/// Returns when the artifact is there with the right digest. Throws Error(input) otherwise.
void check_artifact(const std::string& packs_directory, const ArtifactPlace& place);

/// One line of a pack's index.
struct PackEntry {
  std::string key;
  ArtifactPlace place;
};

/// The index of `pack` (a file name in `packs_directory`), checked. Throws Error(io) with place and
/// expectation when the file is cut or damaged.
[[nodiscard]] std::vector<PackEntry> read_pack_index(const std::string& packs_directory,
                                                     const std::string& pack);

}  // namespace wbs::harness
