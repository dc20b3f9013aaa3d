// HDF5 files through the serial C API: tensors with attributes, readable by HDF5 1.10.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/tensor.hpp"

namespace wbs::harness {

/// An attribute of a file, group or dataset.
using Attribute = std::variant<std::int64_t, double, std::string>;

/// How a dataset is stored. Always chunked and with a Fletcher-32 checksum.
struct DatasetOptions {
  /// 0 stores as it is; 1 ... 9 byte-shuffles and deflates. Level 1 halves half-pruned weights.
  int deflate_level = 0;
};

/// An open file. Paths name objects from the root: "/layer1.0.conv1/weight". Groups on the way are
/// made as needed. Every failure is an Error that names file and object: `io` when writing fails,
/// `input` when what is read is missing, damaged or of another type. HDF5 itself prints nothing.
class Hdf5File {
 public:
  /// A new, empty file; an old one of that name is replaced. Throws Error(io).
  [[nodiscard]] static Hdf5File create(const std::string& path);
  /// An existing file for reading. Throws Error(input) when it is no HDF5 file or is cut.
  [[nodiscard]] static Hdf5File open(const std::string& path);

  Hdf5File(Hdf5File&& other) noexcept;
  Hdf5File& operator=(Hdf5File&&) = delete;
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;
  ~Hdf5File();

  void write(const std::string& object, const Tensor& tensor, const DatasetOptions& options = {});
  void write(const std::string& object, const Shape& shape, const std::vector<std::uint8_t>& bytes,
             const DatasetOptions& options = {});
  void write(const std::string& object, const Shape& shape,
             const std::vector<std::int64_t>& integers, const DatasetOptions& options = {});
  /// Sets an attribute of an existing object; "/" is the file's root.
  void set(const std::string& object, const std::string& name, const Attribute& value);
  /// Writes everything out. Without it the destructor does, but cannot report a full disk.
  void close();

  [[nodiscard]] Tensor read(const std::string& object) const;
  [[nodiscard]] std::vector<std::uint8_t> read_bytes(const std::string& object) const;
  [[nodiscard]] std::vector<std::int64_t> read_integers(const std::string& object) const;
  [[nodiscard]] Shape shape(const std::string& object) const;
  [[nodiscard]] bool has(const std::string& object) const;
  [[nodiscard]] bool has_attribute(const std::string& object, const std::string& name) const;
  [[nodiscard]] Attribute attribute(const std::string& object, const std::string& name) const;
  /// Number or text of an attribute, which must be of that type.
  [[nodiscard]] double number(const std::string& object, const std::string& name) const;
  [[nodiscard]] std::string text(const std::string& object, const std::string& name) const;
  /// Names of the members of a group, sorted.
  [[nodiscard]] std::vector<std::string> members(const std::string& group) const;

 private:
  Hdf5File(std::string path, std::int64_t file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  std::int64_t file_ = -1;  // hid_t, which is 64 bits wide since HDF5 1.10
};

}  // namespace wbs::harness
