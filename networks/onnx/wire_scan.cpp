#include "networks/onnx/wire_scan.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <span>

#include "core/error.hpp"

namespace wbs::networks::onnx_io {
namespace {

constexpr std::uint64_t kMaxFields = 2'000'000;
constexpr int kMaxDepth = 64;

/// Elements that lists of packed integers may have in all: one byte can become eight in memory.
constexpr std::uint64_t kMaxPackedBytes = std::uint64_t{1} << 27;

/// The message types of onnx-ml.proto that hold other messages or many small fields.
enum class Message {
  other,
  model,
  training,
  function,
  graph,
  node,
  attribute,
  tensor,
  sparse_tensor,
  value_info,
  type,
  tensor_type,
  container_type,
};

struct SubMessage {
  Message outer;
  std::uint64_t field;
  Message inner;
};

constexpr std::array kSubMessages = {
    SubMessage{Message::model, 7, Message::graph},
    SubMessage{Message::model, 8, Message::other},
    SubMessage{Message::model, 14, Message::other},
    SubMessage{Message::model, 20, Message::training},
    SubMessage{Message::model, 25, Message::function},
    SubMessage{Message::training, 1, Message::graph},
    SubMessage{Message::training, 2, Message::graph},
    SubMessage{Message::training, 3, Message::other},
    SubMessage{Message::training, 4, Message::other},
    SubMessage{Message::function, 7, Message::node},
    SubMessage{Message::function, 9, Message::other},
    SubMessage{Message::function, 11, Message::attribute},
    SubMessage{Message::graph, 1, Message::node},
    SubMessage{Message::graph, 5, Message::tensor},
    SubMessage{Message::graph, 11, Message::value_info},
    SubMessage{Message::graph, 12, Message::value_info},
    SubMessage{Message::graph, 13, Message::value_info},
    SubMessage{Message::graph, 14, Message::other},
    SubMessage{Message::graph, 15, Message::sparse_tensor},
    SubMessage{Message::node, 5, Message::attribute},
    SubMessage{Message::attribute, 5, Message::tensor},
    SubMessage{Message::attribute, 6, Message::graph},
    SubMessage{Message::attribute, 10, Message::tensor},
    SubMessage{Message::attribute, 11, Message::graph},
    SubMessage{Message::attribute, 14, Message::type},
    SubMessage{Message::attribute, 15, Message::type},
    SubMessage{Message::attribute, 22, Message::sparse_tensor},
    SubMessage{Message::attribute, 23, Message::sparse_tensor},
    SubMessage{Message::tensor, 13, Message::other},
    SubMessage{Message::sparse_tensor, 1, Message::tensor},
    SubMessage{Message::sparse_tensor, 2, Message::tensor},
    SubMessage{Message::value_info, 2, Message::type},
    SubMessage{Message::type, 1, Message::tensor_type},
    SubMessage{Message::type, 4, Message::container_type},
    SubMessage{Message::type, 5, Message::container_type},
    SubMessage{Message::type, 8, Message::tensor_type},
    SubMessage{Message::type, 9, Message::container_type},
    SubMessage{Message::tensor_type, 2, Message::other},
    SubMessage{Message::container_type, 1, Message::type},
    SubMessage{Message::container_type, 2, Message::type},
};

/// Lists of variable-length integers, which may be written as one block.
constexpr bool is_packed(Message message, std::uint64_t field) {
  return (message == Message::tensor && (field == 1 || field == 5 || field == 7 || field == 11)) ||
         (message == Message::attribute && field == 8) ||
         (message == Message::sparse_tensor && field == 3);
}

const SubMessage* find_sub_message(Message outer, std::uint64_t field) {
  for (const SubMessage& entry : kSubMessages) {
    if (entry.outer == outer && entry.field == field) return &entry;
  }
  return nullptr;
}

class Scanner {
 public:
  Scanner(std::string_view bytes, const std::string& label) : bytes_(bytes), label_(label) {}

  void scan_message(Message message, std::size_t end, int depth) {
    if (depth > kMaxDepth) fail("messages are nested too deeply");
    while (at_ < end) {
      const std::uint64_t key = varint(end);
      if (++fields_ > kMaxFields) fail("more than two million fields");
      const std::uint64_t field = key >> 3;
      if (field == 0) fail("a field without a number");
      switch (key & 7) {
        case 0:
          varint(end);
          break;
        case 1:
          skip(8, end);
          break;
        case 5:
          skip(4, end);
          break;
        case 2:
          scan_block(message, field, end, depth);
          break;
        default:
          fail("a field of unknown kind");
      }
    }
  }

 private:
  void scan_block(Message message, std::uint64_t field, std::size_t end, int depth) {
    const std::uint64_t size = varint(end);
    const std::size_t start = at_;
    skip(size, end);
    const SubMessage* inner = find_sub_message(message, field);
    if (inner == nullptr) {
      if (is_packed(message, field)) packed_bytes_ += size;
      if (packed_bytes_ > kMaxPackedBytes) fail("more than 128 Mi packed integers");
      return;
    }
    const std::size_t after = at_;
    at_ = start;
    scan_message(inner->inner, after, depth + 1);
  }

  std::uint64_t varint(std::size_t end) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at_ >= end) fail("the file is truncated or a field is damaged");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    fail("a number is longer than ten bytes");
  }

  void skip(std::uint64_t size, std::size_t end) {
    if (size > end - at_) {
      fail(
          fmt::format("a field of {} bytes, but only {} are left: the file is truncated or damaged",
                      size, end - at_));
    }
    at_ += static_cast<std::size_t>(size);
  }

  [[noreturn]] void fail(std::string_view reason) const {
    throw Error(ErrorKind::input,
                fmt::format("{}: not an ONNX model: at byte {}: {}", label_, at_, reason));
  }

  std::string_view bytes_;
  const std::string& label_;
  std::size_t at_ = 0;
  std::uint64_t fields_ = 0;
  std::uint64_t packed_bytes_ = 0;
};

}  // namespace

void check_wire_format(std::string_view bytes, const std::string& label) {
  if (bytes.empty()) throw Error(ErrorKind::input, label + ": the file is empty");
  Scanner(bytes, label).scan_message(Message::model, bytes.size(), 0);
}

}  // namespace wbs::networks::onnx_io
