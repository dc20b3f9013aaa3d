#include "apps/aie/program_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "aie_model/program/tables.hpp"
#include "apps/aie/compile_program.hpp"
#include "apps/aie/device_choice.hpp"
#include "apps/aie/network_file.hpp"
#include "compiler/published/published.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "harness/hdf5_file.hpp"

namespace wbs::apps {
namespace {

constexpr const char* kFormat = "wbs aie program";
constexpr std::int64_t kVersion = 1;
constexpr char kStringEnd = '\0';  // no name contains it
constexpr harness::DatasetOptions kStored{.deflate_level = 1};

constexpr const char* kTables = "/program/tables";
constexpr const char* kStrings = "/program/strings";
constexpr const char* kBytes = "/program/bytes";
constexpr const char* kTiling = "/tiling";
constexpr const char* kExceeds = "/exceeds";
constexpr const char* kTimingOnly = "timing_only";

void write_bytes(harness::Hdf5File& file, const std::string& object,
                 const std::vector<std::uint8_t>& bytes) {
  file.write(object, {static_cast<std::int64_t>(bytes.size())}, bytes, kStored);
}

void write_tables(harness::Hdf5File& file, const aie::ProgramTables& tables) {
  for (const auto& [name, table] : tables.tables) {
    const std::string object = fmt::format("{}/{}", kTables, name);
    const auto columns = static_cast<std::int64_t>(table.columns.size());
    const auto values = static_cast<std::int64_t>(table.values.size());
    file.write(object, {columns == 0 ? 0 : values / columns, columns}, table.values, kStored);
    file.set(object, "columns", fmt::format("{}", fmt::join(table.columns, ",")));
  }
  for (const auto& [name, lines] : tables.strings) {
    std::vector<std::uint8_t> bytes;
    for (const std::string& line : lines) {
      bytes.insert(bytes.end(), line.begin(), line.end());
      bytes.push_back(kStringEnd);
    }
    write_bytes(file, fmt::format("{}/{}", kStrings, name), bytes);
  }
  for (const auto& [name, bytes] : tables.bytes) {
    write_bytes(file, fmt::format("{}/{}", kBytes, name), bytes);
  }
}

aie::ProgramTables read_tables(const harness::Hdf5File& file) {
  aie::ProgramTables tables;
  for (const std::string& name : file.members(kTables)) {
    const std::string object = fmt::format("{}/{}", kTables, name);
    aie::Table& table = tables.tables[name];
    const std::string columns = file.text(object, "columns");
    for (const std::string_view column : split(columns, ',')) table.columns.emplace_back(column);
    table.values = file.read_integers(object);
  }
  for (const std::string& name : file.members(kStrings)) {
    const std::vector<std::uint8_t> bytes = file.read_bytes(fmt::format("{}/{}", kStrings, name));
    const std::string text(bytes.begin(), bytes.end());
    std::vector<std::string>& lines = tables.strings[name];
    for (const std::string_view line : split(text, kStringEnd)) lines.emplace_back(line);
    lines.pop_back();  // what follows the last end: nothing
  }
  for (const std::string& name :
       file.has(kBytes) ? file.members(kBytes) : std::vector<std::string>()) {
    tables.bytes[name] = file.read_bytes(fmt::format("{}/{}", kBytes, name));
  }
  return tables;
}

}  // namespace

void write_program_file(const std::string& path, const ProgramFileContent& content) {
  const std::string temporary = path + ".partial";
  {
    harness::Hdf5File file = harness::Hdf5File::create(temporary);
    file.set("/", "format", std::string(kFormat));
    file.set("/", "format_version", kVersion);
    file.set("/", "device", content.device);
    file.set("/", "weights", content.weights_source);
    file.set("/", "scales", content.scales_source);
    if (!content.timing_only.empty()) file.set("/", kTimingOnly, content.timing_only);
    if (!content.exceeds.empty()) {
      const std::string lines = fmt::format("{}", fmt::join(content.exceeds, "\n"));
      write_bytes(file, kExceeds, {lines.begin(), lines.end()});
    }
    write_tables(file, aie::to_tables(content.program));
    if (content.network != nullptr) write_int8_network(file, *content.network);
    if (!content.tiling.empty()) {
      write_bytes(file, kTiling, {content.tiling.begin(), content.tiling.end()});
    }
    file.close();
  }
  std::filesystem::rename(temporary, path);
}

ProgramFile read_program_file(const std::string& path, bool with_network) {
  const harness::Hdf5File file = harness::Hdf5File::open(path);
  if (!file.has_attribute("/", "format") || file.text("/", "format") != kFormat) {
    throw Error(ErrorKind::input, fmt::format("{}: not a program of wbs compile", path));
  }
  if (file.number("/", "format_version") != static_cast<double>(kVersion)) {
    throw Error(ErrorKind::input, fmt::format("{}: format version {}, this program reads {}", path,
                                              file.number("/", "format_version"), kVersion));
  }
  ProgramFile result;
  try {
    result.device = device_of_text(file.text("/", "device"));
    result.program = aie::from_tables(read_tables(file));
    if (file.has_attribute("/", kTimingOnly)) result.timing_only = file.text("/", kTimingOnly);
    if (result.timing_only.empty()) {
      check_program(result.program, result.device, ErrorKind::input);
    } else {
      check_program(result.program, result.device, ErrorKind::input,
                    compiler::published_exemptions());
    }
  } catch (const Error& error) {
    const std::string what = error.what();
    throw Error(error.kind(), what.starts_with(path) ? what : fmt::format("{}: {}", path, what));
  }
  result.weights_source = file.text("/", "weights");
  result.scales_source = file.text("/", "scales");
  if (file.has(kTiling)) {
    const std::vector<std::uint8_t> tiling = file.read_bytes(kTiling);
    result.tiling.assign(tiling.begin(), tiling.end());
  }
  if (file.has(kExceeds)) {
    const std::vector<std::uint8_t> bytes = file.read_bytes(kExceeds);
    const std::string lines(bytes.begin(), bytes.end());
    for (const std::string_view line : split(lines, '\n')) result.exceeds.emplace_back(line);
  }
  if (with_network && !result.timing_only.empty()) {
    throw Error(ErrorKind::input, fmt::format("{}: this program {}; only --mode event can run it",
                                              path, result.timing_only));
  }
  if (with_network && !file.has("/network")) {
    throw Error(ErrorKind::input,
                fmt::format("{}: holds no network to compare a functional run with", path));
  }
  if (with_network) result.network = read_int8_network(file, path);
  return result;
}

bool is_hdf5_file(const std::string& path) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorKind::input, fmt::format("{}: cannot be opened for reading", path));
  std::string start(kSignature.size(), '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  return start == kSignature;
}

}  // namespace wbs::apps
