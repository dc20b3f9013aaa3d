#include "harness/hdf5_file.hpp"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <utility>

#include "core/error.hpp"

namespace wbs::harness {
namespace {

static_assert(sizeof(hid_t) == sizeof(std::int64_t));

/// Chunks near 1 MiB: large enough for deflate and the disk, small enough for HDF5's chunk cache.
constexpr std::int64_t kChunkElements = 1 << 18;
constexpr int kMaxRank = 8;
constexpr std::int64_t kMaxElements = std::int64_t{1} << 36;

/// An HDF5 identifier that is closed with its own function.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  [[nodiscard]] hid_t get() const { return id_; }
  [[nodiscard]] bool valid() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// HDF5 prints its error stack unless told otherwise.
void silence() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

[[noreturn]] void fail_write(const std::string& path, const std::string& object) {
  throw Error(ErrorKind::io, fmt::format("{}: writing {} failed (disk full?)", path, object));
}

[[noreturn]] void fail_read(const std::string& path, const std::string& object,
                            const std::string& what) {
  throw Error(ErrorKind::input, fmt::format("{}: {}: {}", path, object, what));
}

std::vector<hsize_t> extents_of(const Shape& shape) {
  std::vector<hsize_t> extents;
  for (const std::int64_t extent : shape) extents.push_back(static_cast<hsize_t>(extent));
  return extents;
}

/// Whole trailing dimensions while they fit a chunk, then a part of the next one.
std::vector<hsize_t> chunk_of(const Shape& shape) {
  std::vector<hsize_t> chunk(shape.size(), 1);
  std::int64_t elements = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    const std::int64_t part = std::clamp<std::int64_t>(kChunkElements / elements, 1, shape[i]);
    chunk[i] = static_cast<hsize_t>(part);
    elements *= part;
    if (part < shape[i]) break;
  }
  return chunk;
}

struct Storage {
  hid_t file_type;
  hid_t memory_type;
};

void write_dataset(const std::string& path, hid_t file, const std::string& object,
                   const Shape& shape, const void* values, const Storage& type,
                   const DatasetOptions& options) {
  const std::vector<hsize_t> extents = extents_of(shape);
  const int rank = static_cast<int>(extents.size());
  const bool chunked = rank > 0 && element_count(shape) > 0;
  const Handle space(
      rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, extents.data(), nullptr),
      H5Sclose);
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  if (!space.valid() || !creation.valid() || !links.valid()) fail_write(path, object);
  H5Pset_create_intermediate_group(links.get(), 1);
  H5Pset_obj_track_times(creation.get(), false);  // equal content gives equal bytes
  if (chunked) {
    const std::vector<hsize_t> chunk = chunk_of(shape);
    H5Pset_chunk(creation.get(), rank, chunk.data());
    if (options.deflate_level > 0) {
      H5Pset_shuffle(creation.get());
      H5Pset_deflate(creation.get(), static_cast<unsigned>(options.deflate_level));
    }
    H5Pset_fletcher32(creation.get());
  }
  const Handle dataset(H5Dcreate2(file, object.c_str(), type.file_type, space.get(), links.get(),
                                  creation.get(), H5P_DEFAULT),
                       H5Dclose);
  if (!dataset.valid() ||
      H5Dwrite(dataset.get(), type.memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
    fail_write(path, object);
  }
}

/// The shape of an open dataset; throws when it could not be one of ours.
Shape shape_of(const std::string& path, const std::string& object, hid_t dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const int rank = space.valid() ? H5Sget_simple_extent_ndims(space.get()) : -1;
  if (rank < 0 || rank > kMaxRank) fail_read(path, object, "damaged or of too many dimensions");
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
  Shape shape;
  for (const hsize_t extent : extents) {
    if (extent > static_cast<hsize_t>(kMaxElements)) fail_read(path, object, "impossibly large");
    shape.push_back(static_cast<std::int64_t>(extent));
  }
  if (element_count(shape) > kMaxElements) fail_read(path, object, "impossibly large");
  // A damaged header may announce data that the file does not hold; do not allocate for it.
  const Handle creation(H5Dget_create_plist(dataset), H5Pclose);
  if (element_count(shape) > 0 && H5Dget_storage_size(dataset) == 0) {
    fail_read(path, object, "has a shape but no data: the file is damaged");
  }
  return shape;
}

template <typename T>
void read_dataset(const std::string& path, hid_t file, const std::string& object, H5T_class_t type,
                  hid_t memory_type, Shape& shape, std::vector<T>& values) {
  const Handle dataset(H5Dopen2(file, object.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.valid()) fail_read(path, object, "no such dataset");
  const Handle stored(H5Dget_type(dataset.get()), H5Tclose);
  if (H5Tget_class(stored.get()) != type) fail_read(path, object, "holds another type");
  shape = shape_of(path, object, dataset.get());
  values.resize(static_cast<std::size_t>(element_count(shape)));
  if (H5Dread(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    fail_read(path, object, "data is damaged (checksum or length)");
  }
}

}  // namespace

Hdf5File Hdf5File::create(const std::string& path) {
  silence();
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V110);
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get());
  if (file < 0) throw Error(ErrorKind::io, fmt::format("{}: cannot be created", path));
  return {path, file};
}

Hdf5File Hdf5File::open(const std::string& path) {
  silence();
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) {
    throw Error(ErrorKind::input,
                fmt::format("{}: missing, cut short, or no HDF5 file at all", path));
  }
  return {path, file};
}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}

Hdf5File::~Hdf5File() {
  if (file_ >= 0) H5Fclose(file_);
}

void Hdf5File::close() {
  const bool flushed = H5Fflush(file_, H5F_SCOPE_GLOBAL) >= 0;
  const bool closed = H5Fclose(std::exchange(file_, -1)) >= 0;
  if (!flushed || !closed) fail_write(path_, "the end of the file");
}

void Hdf5File::write(const std::string& object, const Tensor& tensor,
                     const DatasetOptions& options) {
  write_dataset(path_, file_, object, tensor.shape, tensor.values.data(),
                {H5T_IEEE_F32LE, H5T_NATIVE_FLOAT}, options);
}

void Hdf5File::write(const std::string& object, const Shape& shape,
                     const std::vector<std::uint8_t>& bytes, const DatasetOptions& options) {
  WBS_ASSERT(element_count(shape) == static_cast<std::int64_t>(bytes.size()));
  write_dataset(path_, file_, object, shape, bytes.data(), {H5T_STD_U8LE, H5T_NATIVE_UINT8},
                options);
}

void Hdf5File::write(const std::string& object, const Shape& shape,
                     const std::vector<std::int64_t>& integers, const DatasetOptions& options) {
  WBS_ASSERT(element_count(shape) == static_cast<std::int64_t>(integers.size()));
  write_dataset(path_, file_, object, shape, integers.data(), {H5T_STD_I64LE, H5T_NATIVE_INT64},
                options);
}

void Hdf5File::set(const std::string& object, const std::string& name, const Attribute& value) {
  const Handle target(H5Oopen(file_, object.c_str(), H5P_DEFAULT), H5Oclose);
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  if (!target.valid()) fail_write(path_, object);
  const auto write_value = [&](hid_t type, hid_t memory_type, const void* data) {
    const Handle attribute(
        H5Acreate2(target.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
        H5Aclose);
    if (!attribute.valid() || H5Awrite(attribute.get(), memory_type, data) < 0) {
      fail_write(path_, object + "@" + name);
    }
  };
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    write_value(H5T_STD_I64LE, H5T_NATIVE_INT64, integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    write_value(H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, number);
  } else {
    const std::string& text = std::get<std::string>(value);
    const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), text.size() + 1);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    write_value(type.get(), type.get(), text.c_str());
  }
}

Tensor Hdf5File::read(const std::string& object) const {
  Tensor tensor;
  read_dataset(path_, file_, object, H5T_FLOAT, H5T_NATIVE_FLOAT, tensor.shape, tensor.values);
  return tensor;
}

std::vector<std::uint8_t> Hdf5File::read_bytes(const std::string& object) const {
  Shape ignored;
  std::vector<std::uint8_t> bytes;
  read_dataset(path_, file_, object, H5T_INTEGER, H5T_NATIVE_UINT8, ignored, bytes);
  return bytes;
}

std::vector<std::int64_t> Hdf5File::read_integers(const std::string& object) const {
  Shape ignored;
  std::vector<std::int64_t> integers;
  read_dataset(path_, file_, object, H5T_INTEGER, H5T_NATIVE_INT64, ignored, integers);
  return integers;
}

Shape Hdf5File::shape(const std::string& object) const {
  const Handle dataset(H5Dopen2(file_, object.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.valid()) fail_read(path_, object, "no such dataset");
  return shape_of(path_, object, dataset.get());
}

bool Hdf5File::has(const std::string& object) const {
  // H5Lexists fails, rather than saying no, when a group on the way is missing.
  for (std::size_t slash = object.find('/', 1);; slash = object.find('/', slash + 1)) {
    if (H5Lexists(file_, object.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
    if (slash == std::string::npos) return true;
  }
}

bool Hdf5File::has_attribute(const std::string& object, const std::string& name) const {
  return H5Aexists_by_name(file_, object.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

Attribute Hdf5File::attribute(const std::string& object, const std::string& name) const {
  const Handle attribute(
      H5Aopen_by_name(file_, object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  const std::string place = object + "@" + name;
  if (!attribute.valid()) fail_read(path_, place, "no such attribute");
  const Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Handle space(H5Aget_space(attribute.get()), H5Sclose);
  if (H5Sget_simple_extent_npoints(space.get()) != 1) fail_read(path_, place, "is not one value");
  const auto read_value = [&](hid_t memory_type, void* data) {
    if (H5Aread(attribute.get(), memory_type, data) < 0) fail_read(path_, place, "damaged");
  };
  switch (H5Tget_class(type.get())) {
    case H5T_INTEGER: {
      std::int64_t value = 0;
      read_value(H5T_NATIVE_INT64, &value);
      return value;
    }
    case H5T_FLOAT: {
      double value = 0;
      read_value(H5T_NATIVE_DOUBLE, &value);
      return value;
    }
    case H5T_STRING: {
      constexpr std::size_t kMaxText = 1 << 20;
      const std::size_t size = H5Tget_size(type.get());
      if (H5Tis_variable_str(type.get()) > 0 || size == 0 || size > kMaxText) break;
      std::string text(size, '\0');
      read_value(type.get(), text.data());
      text.resize(std::min(text.find('\0'), text.size()));
      return text;
    }
    default:
      break;
  }
  fail_read(path_, place, "expected an integer, a number or a text of fixed length");
}

double Hdf5File::number(const std::string& object, const std::string& name) const {
  const Attribute value = attribute(object, name);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return static_cast<double>(*integer);
  }
  fail_read(path_, object + "@" + name, "expected a number");
}

std::string Hdf5File::text(const std::string& object, const std::string& name) const {
  const Attribute value = attribute(object, name);
  if (const auto* found = std::get_if<std::string>(&value)) return *found;
  fail_read(path_, object + "@" + name, "expected a text");
}

std::vector<std::string> Hdf5File::members(const std::string& group) const {
  const Handle opened(H5Gopen2(file_, group.c_str(), H5P_DEFAULT), H5Gclose);
  H5G_info_t info{};
  if (!opened.valid() || H5Gget_info(opened.get(), &info) < 0) {
    fail_read(path_, group, "no such group");
  }
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const ssize_t length = H5Lget_name_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i,
                                              nullptr, 0, H5P_DEFAULT);
    if (length < 0) fail_read(path_, group, "damaged");
    std::string name(static_cast<std::size_t>(length) + 1, '\0');
    H5Lget_name_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size(),
                       H5P_DEFAULT);
    name.pop_back();
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace wbs::harness
