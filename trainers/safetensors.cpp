#include "trainers/safetensors.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "core/error.hpp"

namespace wbs::trainers {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are stored as they lie in memory");

constexpr std::array<std::pair<StoredType, std::string_view>, 5> kTypes{
    {{StoredType::f32, "F32"},
     {StoredType::f64, "F64"},
     {StoredType::i64, "I64"},
     {StoredType::u8, "U8"},
     {StoredType::boolean, "BOOL"}}};
constexpr std::uint64_t kLargestHeader = 100'000'000;  // the format's own limit

std::string_view type_name(StoredType type) {
  for (const auto& [known, name] : kTypes) {
    if (known == type) return name;
  }
  return "";
}

/// A file being read, and the error that names it.
class Input {
 public:
  explicit Input(const std::string& path) : path_(path), stream_(path, std::ios::binary) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (!stream_ || error) {
      throw Error(ErrorKind::io, fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
    }
    size_ = size;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::input,
                fmt::format("'{}' is no whole safetensors file: {}", path_, what));
  }
  void read(void* target, std::uint64_t count) {
    stream_.read(static_cast<char*>(target), static_cast<std::streamsize>(count));
    if (!stream_) fail("it ends too early");
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  const std::string& path_;
  std::ifstream stream_;
  std::uint64_t size_ = 0;
};

nlohmann::json read_header(Input& input) {
  std::uint64_t length = 0;
  input.read(&length, sizeof length);
  if (length > kLargestHeader || length > input.size() - sizeof length) {
    input.fail(fmt::format("its header claims {} bytes", length));
  }
  std::string text(length, '\0');
  input.read(text.data(), length);
  nlohmann::json header = nlohmann::json::parse(text, nullptr, false);
  if (!header.is_object()) input.fail("its header is no JSON object");
  return header;
}

/// Type and shape of one entry; its bytes are still to be read.
StoredTensor described(const Input& input, const std::string& name, const nlohmann::json& entry) {
  StoredTensor tensor;
  const std::string type = entry.value("dtype", "");
  const auto* const known = std::find_if(kTypes.begin(), kTypes.end(),
                                         [&](const auto& pair) { return pair.second == type; });
  if (known == kTypes.end()) {
    input.fail(fmt::format("tensor '{}' has element type '{}', expected F32, F64, I64, U8 or BOOL",
                           name, type));
  }
  tensor.type = known->first;
  tensor.shape = entry.at("shape").get<Shape>();
  for (const std::int64_t extent : tensor.shape) {
    if (extent < 0) input.fail(fmt::format("tensor '{}' has a negative extent", name));
  }
  return tensor;
}

/// An entry and where its bytes begin.
struct Place {
  std::uint64_t begin;
  std::string name;
};

std::vector<Place> places_of(const Input& input, const nlohmann::json& header,
                             SafeTensors& result) {
  std::vector<Place> places;
  for (const auto& item : header.items()) {
    if (item.key() == "__metadata__") {
      result.metadata = item.value().get<std::map<std::string, std::string>>();
      continue;
    }
    StoredTensor tensor = described(input, item.key(), item.value());
    const auto offsets = item.value().at("data_offsets").get<std::array<std::uint64_t, 2>>();
    const auto bytes =
        static_cast<std::uint64_t>(element_count(tensor.shape)) * size_bytes(tensor.type);
    if (offsets[1] < offsets[0] || offsets[1] - offsets[0] != bytes || offsets[1] > input.size()) {
      input.fail(fmt::format("tensor '{}' of {} claims bytes {}..{}", item.key(),
                             to_string(tensor.shape), offsets[0], offsets[1]));
    }
    places.push_back({offsets[0], item.key()});
    result.tensors.emplace(item.key(), std::move(tensor));
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tie(a.begin, a.name) < std::tie(b.begin, b.name);
  });
  return places;
}

std::string header_text(const SafeTensors& contents) {
  nlohmann::json header = nlohmann::json::object();
  if (!contents.metadata.empty()) header["__metadata__"] = contents.metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : contents.tensors) {
    header[name] = {{"dtype", type_name(tensor.type)},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // values start aligned
  return text;
}

/// A file under a temporary name that disappears unless it is committed.
class Output {
 public:
  explicit Output(std::string path)
      : path_(std::move(path)), partial_(fmt::format("{}.partial-{}", path_, ::getpid())) {
    descriptor_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("create");
  }
  ~Output() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!committed_) ::unlink(partial_.c_str());
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail("write");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  void commit() {
    if (::fsync(descriptor_) != 0) fail("write");
    const int closed = ::close(std::exchange(descriptor_, -1));
    if (closed != 0) fail("write");
    if (::rename(partial_.c_str(), path_.c_str()) != 0) fail("rename");
    committed_ = true;
    std::string folder = std::filesystem::path(path_).parent_path().string();
    if (folder.empty()) folder = ".";
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return;  // the name is in place; only a power cut could still undo it
    ::fsync(directory);
    ::close(directory);
  }

 private:
  [[noreturn]] void fail(const char* what) {
    const std::string reason = std::strerror(errno);
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    ::unlink(partial_.c_str());
    throw Error(ErrorKind::io, fmt::format("cannot {} '{}': {}", what, path_, reason));
  }

  std::string path_;
  std::string partial_;
  int descriptor_ = -1;
  bool committed_ = false;
};

}  // namespace

std::size_t size_bytes(StoredType type) noexcept {
  switch (type) {
    case StoredType::f64:
    case StoredType::i64:
      return 8;
    case StoredType::u8:
    case StoredType::boolean:
      return 1;
    case StoredType::f32:
      break;
  }
  return 4;
}

SafeTensors read_safetensors(const std::string& path) {
  Input input(path);
  try {
    const nlohmann::json header = read_header(input);
    SafeTensors result;
    std::uint64_t offset = 0;
    for (const Place& place : places_of(input, header, result)) {
      if (place.begin != offset) input.fail(fmt::format("tensor '{}' leaves a gap", place.name));
      StoredTensor& tensor = result.tensors.at(place.name);
      tensor.bytes.resize(static_cast<std::size_t>(element_count(tensor.shape)) *
                          size_bytes(tensor.type));
      input.read(tensor.bytes.data(), tensor.bytes.size());
      offset += tensor.bytes.size();
    }
    return result;
  } catch (const nlohmann::json::exception& error) {
    input.fail(error.what());
  }
}

void write_safetensors(const std::string& path, const SafeTensors& contents) {
  for (const auto& [name, tensor] : contents.tensors) {
    WBS_ASSERT(tensor.bytes.size() ==
               static_cast<std::size_t>(element_count(tensor.shape)) * size_bytes(tensor.type));
  }
  const std::string header = header_text(contents);
  const std::uint64_t length = header.size();
  Output output(path);
  output.write(std::as_bytes(std::span(&length, 1)));
  output.write(std::as_bytes(std::span(header)));
  for (const auto& [name, tensor] : contents.tensors) output.write(tensor.bytes);
  output.commit();
}

Tensor tensor_of(const StoredTensor& stored, std::string_view name) {
  if (stored.type != StoredType::f32) {
    throw Error(ErrorKind::input,
                fmt::format("tensor '{}' is {}, expected F32", name, type_name(stored.type)));
  }
  Tensor tensor(stored.shape);
  std::memcpy(tensor.values.data(), stored.bytes.data(), stored.bytes.size());
  return tensor;
}

StoredTensor stored_of(const Tensor& tensor) {
  const auto bytes = std::as_bytes(std::span(tensor.values));
  return {StoredType::f32, tensor.shape, {bytes.begin(), bytes.end()}};
}

}  // namespace wbs::trainers
