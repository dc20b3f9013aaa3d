// The file of `wbs compile`: a program, the device that it is for, and the integer network that it
// computes.
//
// Group "/program": the tables, strings and bytes of aie_model/program/tables.hpp; a table is a
// dataset of integers with its column names, joined by commas, as attribute `columns`; strings are
// zero-terminated. Group "/network": network_file.hpp. "/tiling": JSON text, in the files of the
// stage compile. The root's attributes: format, format_version, device (text of device_choice.hpp),
// weights, scales; timing_only in programs that compute no values, which may also break the rules
// of published_exemptions() and list that in "/exceeds", a line each. Datasets are compressed and
// have checksums.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "aie_model/program/program.hpp"
#include "networks/int8_network.hpp"

namespace wbs::apps {

/// What goes into a file.
struct ProgramFileContent {
  const aie::Program& program;
  const networks::Int8Network* network = nullptr;  ///< for functional runs; may be left out
  std::string device;                              ///< ChosenDevice::text
  std::string weights_source, scales_source;
  std::string tiling;  ///< the same network as the estimators see it (compiler::to_json), or ""
  std::string timing_only = {};           ///< why no values come out; "": they do
  std::vector<std::string> exceeds = {};  ///< limits that a program for timing only breaks
};

/// Writes the file; an old one of that name is replaced when the new one is complete. Throws
/// Error(io).
void write_program_file(const std::string& path, const ProgramFileContent& content);

/// What came out of one.
struct ProgramFile {
  aie::Program program;
  aie::Device device;
  std::optional<networks::Int8Network> network;  ///< when it was asked for
  std::string weights_source, scales_source, tiling, timing_only;
  std::vector<std::string> exceeds;
};

/// Reads and checks the file. Throws Error(input): not such a file, cut, a damaged table (named), a
/// program that breaks a limit of its device (tile and rule named), no network in it though asked.
[[nodiscard]] ProgramFile read_program_file(const std::string& path, bool with_network);

/// Whether `path` holds an HDF5 file, by its first bytes. Throws Error(input) when there is none.
[[nodiscard]] bool is_hdf5_file(const std::string& path);

}  // namespace wbs::apps
