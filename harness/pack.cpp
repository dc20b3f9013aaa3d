#include "harness/pack.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "harness/posix_file.hpp"

namespace wbs::harness {
namespace {

constexpr std::string_view kMagic = "WBSPACK1";
constexpr std::string_view kEndMagic = "WBSPEND1";
constexpr std::size_t kFooterBytes = 8 + 4 + 8;
constexpr std::string_view kSegmentSuffix = ".pack";
constexpr std::string_view kBigSuffix = ".artifact";
constexpr std::string_view kIndexSuffix = ".index";

std::uint32_t text_check(std::string_view text) {
  return crc32c(std::as_bytes(std::span(text.data(), text.size())));
}

void append_integer(std::string& into, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) into.push_back(static_cast<char>((value >> (8 * i)) & 0xFFU));
}

std::uint64_t parse_integer(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

nlohmann::json index_line(const std::string& key, const ArtifactPlace& place) {
  return {{"key", key}, {"offset", place.offset}, {"size", place.size}, {"digest", place.digest}};
}

[[noreturn]] void damaged(const std::string& path, const std::string& what) {
  throw Error(ErrorKind::io, fmt::format("{}: {}", path, what));
}

std::vector<PackEntry> parse_index(const std::string& path, const std::string& pack,
                                   std::string_view text) {
  std::vector<PackEntry> entries;
  try {
    const nlohmann::json index = nlohmann::json::parse(text);
    for (const auto& line : index.at("artifacts")) {
      entries.push_back(
          {line.at("key").get<std::string>(),
           {pack, line.at("offset").get<std::uint64_t>(), line.at("size").get<std::uint64_t>(),
            line.at("digest").get<std::string>()}});
    }
  } catch (const nlohmann::json::exception& problem) {
    damaged(path, fmt::format("the pack's index cannot be read ({})", problem.what()));
  }
  return entries;
}

std::string mismatch(const std::string& found, const std::string& expected) {
  return fmt::format("digest is {}, {} expected", found, expected);
}

/// Packs a big file by renaming it.
PackedArtifact adopt(const std::string& packs_directory, const std::string& pack,
                     const ArtifactFile& file) {
  PackedArtifact packed;
  PosixFile opened(file.path, O_RDWR);
  opened.sync();
  const std::string found = digest_of_file(file.path);
  if (found != file.digest) {
    packed.problem = mismatch(found, file.digest);
    ::unlink(file.path.c_str());
    return packed;
  }
  packed.place = {pack, 0, opened.size(), found};
  const nlohmann::json index = {
      {"artifacts", nlohmann::json::array({index_line(file.key, packed.place)})}};
  const std::string path = packs_directory + "/" + pack;
  constexpr mode_t kReadOnly = 0444;
  ::fchmod(opened.fd(), kReadOnly);
  // The index first: an index without its artifact is harmless, the reverse would look damaged.
  write_file_atomically(path + std::string(kIndexSuffix), index.dump() + "\n");
  rename_durably(file.path, path);
  return packed;
}

/// Writes the small `files` (indices into `all`) as one segment.
void write_segment(const std::string& packs_directory, const std::string& pack,
                   const std::vector<ArtifactFile>& all, const std::vector<std::size_t>& small,
                   std::vector<PackedArtifact>& results) {
  const std::string temporary = packs_directory + "/" + pack + ".new";
  PosixFile segment(temporary, O_RDWR | O_CREAT | O_TRUNC);
  std::string bytes(kMagic);
  nlohmann::json index = {{"artifacts", nlohmann::json::array()}};
  for (const std::size_t at : small) {
    const std::string contents = read_file(all[at].path);
    const std::string found = digest_of(contents);
    if (found != all[at].digest) {
      results[at].problem = mismatch(found, all[at].digest);
      continue;
    }
    results[at].place = {pack, bytes.size(), contents.size(), found};
    index["artifacts"].push_back(index_line(all[at].key, results[at].place));
    bytes += contents;
  }
  const std::string index_text = index.dump();
  bytes += index_text;
  append_integer(bytes, index_text.size(), 8);
  append_integer(bytes, text_check(index_text), 4);
  bytes += kEndMagic;
  try {
    segment.write(bytes);
    segment.sync();
    std::string back(bytes.size(), '\0');
    segment.read_at(0, back);
    if (back != bytes) damaged(temporary, "does not read back as written");
  } catch (const Error&) {
    ::unlink(temporary.c_str());
    throw;
  }
  rename_durably(temporary, packs_directory + "/" + pack);
  for (const std::size_t at : small) ::unlink(all[at].path.c_str());
}

void check_bounds(const PosixFile& pack, const ArtifactPlace& place) {
  const std::uint64_t size = pack.size();
  if (place.offset > size || place.size > size - place.offset) {
    damaged(pack.path(), fmt::format("the pack ends at byte {}, an artifact at {} + {} expected",
                                     size, place.offset, place.size));
  }
}

/// An artifact's verified bytes out of a segment. Throws Error(input).
std::string read_small(const std::string& packs_directory, const ArtifactPlace& place) {
  try {
    const PosixFile pack(packs_directory + "/" + place.pack, O_RDONLY);
    check_bounds(pack, place);
    std::string contents(place.size, '\0');
    pack.read_at(place.offset, contents);
    if (const std::string found = digest_of(contents); found != place.digest) {
      damaged(pack.path(), fmt::format("the artifact at byte {}: {}", place.offset,
                                       mismatch(found, place.digest)));
    }
    return contents;
  } catch (const Error& error) {
    throw Error(ErrorKind::input, error.what());
  }
}

}  // namespace

std::vector<PackedArtifact> write_pack(const std::string& packs_directory, const std::string& name,
                                       const std::vector<ArtifactFile>& files) {
  std::vector<PackedArtifact> results(files.size());
  std::vector<std::size_t> small;
  for (std::size_t at = 0; at < files.size(); ++at) {
    const std::int64_t size = file_size_or_missing(files[at].path);
    if (size < 0) {
      results[at].problem = "the stage's output file has vanished";
    } else if (static_cast<std::uint64_t>(size) >= kBigArtifactBytes) {
      results[at] = adopt(packs_directory, fmt::format("{}-{}{}", name, at, kBigSuffix), files[at]);
    } else {
      small.push_back(at);
    }
  }
  if (!small.empty()) {
    write_segment(packs_directory, name + std::string(kSegmentSuffix), files, small, results);
  }
  return results;
}

std::string open_artifact(const std::string& packs_directory, const ArtifactPlace& place,
                          const std::string& scratch_directory) {
  if (place.pack.ends_with(kBigSuffix)) {
    check_artifact(packs_directory, place);
    return packs_directory + "/" + place.pack;
  }
  const std::string contents = read_small(packs_directory, place);
  const std::string copy = scratch_directory + "/in-" + place.digest;
  PosixFile file(copy, O_WRONLY | O_CREAT | O_TRUNC);
  file.write(contents);
  return copy;
}

void check_artifact(const std::string& packs_directory, const ArtifactPlace& place) {
  if (!place.pack.ends_with(kBigSuffix)) {
    static_cast<void>(read_small(packs_directory, place));
    return;
  }
  const std::string path = packs_directory + "/" + place.pack;
  try {
    check_bounds(PosixFile(path, O_RDONLY), place);
    const std::string found = digest_of_file(path);
    if (found != place.digest) damaged(path, "the artifact's " + mismatch(found, place.digest));
  } catch (const Error& error) {
    throw Error(ErrorKind::input, error.what());
  }
}

std::vector<PackEntry> read_pack_index(const std::string& packs_directory,
                                       const std::string& pack) {
  const std::string path = packs_directory + "/" + pack;
  if (pack.ends_with(kBigSuffix)) {
    return parse_index(path, pack, read_file(path + std::string(kIndexSuffix)));
  }
  const PosixFile file(path, O_RDONLY);
  const std::uint64_t size = file.size();
  std::string footer(kFooterBytes, '\0');
  if (size < kMagic.size() + kFooterBytes) damaged(path, "too short for a pack");
  file.read_at(size - kFooterBytes, footer);
  const std::uint64_t length = parse_integer(std::string_view(footer).substr(0, 8));
  if (!std::string_view(footer).ends_with(kEndMagic) ||
      length > size - kFooterBytes - kMagic.size()) {
    damaged(path, fmt::format("the pack's end is missing at byte {}", size));
  }
  std::string text(length, '\0');
  file.read_at(size - kFooterBytes - length, text);
  if (text_check(text) != parse_integer(std::string_view(footer).substr(8, 4))) {
    damaged(path, "the pack's index has a wrong checksum");
  }
  return parse_index(path, pack, text);
}

}  // namespace wbs::harness
