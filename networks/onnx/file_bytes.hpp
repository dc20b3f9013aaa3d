// Whole files in memory, with caps: the reader below the ONNX importer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wbs::networks::onnx_io {

/// The file's bytes. Throws Error(input) when it cannot be read or is larger than `max_bytes`.
[[nodiscard]] std::string read_file(const std::string& path, std::size_t max_bytes);

/// Whether `bytes` start like a gzip stream.
[[nodiscard]] bool is_gzip(std::string_view bytes) noexcept;

/// The decompressed bytes of one or more gzip members. Memory grows with what was really inflated;
/// throws Error(input) naming `label` on damage, on truncation, and as soon as the output passes
/// `max_bytes` or 200 times the input (64 MiB are always allowed): weights do not compress like
/// that, bombs do.
[[nodiscard]] std::string gunzip(std::string_view bytes, std::size_t max_bytes,
                                 const std::string& label);

/// Writes `bytes` under a temporary name beside `path`, syncs and renames, so that `path` holds
/// either its old content or all of the new. Throws Error(io) naming the path.
void write_file_atomically(const std::string& path, std::string_view bytes);

}  // namespace wbs::networks::onnx_io
