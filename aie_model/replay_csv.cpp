// Reading the CSV files of logged tilings.
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "aie_model/replay.hpp"
#include "core/text.hpp"

namespace wbs::aie {
namespace {

constexpr std::array<std::string_view, 9> kRequired = {
    "network",    "array",       "weights", "layer", "layer_output_hwc", "weight_cout_kh_kw_cin",
    "input_nhwc", "output_nhwc", "density"};
constexpr std::string_view kIterations = "iterations";
/// Larger sides are typing errors, and keep every product of four within 64 bits.
constexpr std::int64_t kMaxSide = 32768;

/// One line of the file, with what an error needs to say where it is.
struct Line {
  std::string_view file;
  std::size_t number = 0;
  std::vector<std::string_view> fields;

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::input, fmt::format("{}:{}: {}", file, number, what));
  }
};

/// Column of each required name, then of iterations (or npos).
std::vector<std::size_t> find_columns(const Line& header) {
  std::vector<std::size_t> columns;
  const auto find = [&](std::string_view name) {
    for (std::size_t i = 0; i < header.fields.size(); ++i) {
      if (trim(header.fields[i]) == name) return i;
    }
    return std::string_view::npos;
  };
  for (const std::string_view name : kRequired) {
    columns.push_back(find(name));
    if (columns.back() == std::string_view::npos) {
      header.fail(fmt::format("the header has no column '{}', expected {} and, optionally, {}",
                              name, fmt::join(kRequired, ","), kIterations));
    }
  }
  columns.push_back(find(kIterations));
  return columns;
}

template <std::size_t Count>
std::array<std::int64_t, Count> read_sizes(const Line& line, std::string_view column,
                                           std::string_view text) {
  const auto parts = split(text, 'x');
  std::array<std::int64_t, Count> sizes{};
  bool good = parts.size() == Count;
  for (std::size_t i = 0; good && i < Count; ++i) {
    const auto value = parse_integer(parts[i]);
    good = value && *value >= 1 && *value <= kMaxSide;
    if (good) sizes[i] = *value;
  }
  if (!good) {
    line.fail(fmt::format("{} is '{}', expected {} whole numbers from 1 to {} joined by 'x'",
                          column, text, Count, kMaxSide));
  }
  return sizes;
}

Extent read_core_extent(const Line& line, std::string_view column, std::string_view text) {
  const auto sizes = read_sizes<4>(line, column, text);
  if (sizes[0] != 1) {
    line.fail(fmt::format("{} is '{}', expected a batch of 1", column, text));
  }
  return {sizes[1], sizes[2], sizes[3]};
}

std::string read_word(const Line& line, std::string_view column, std::string_view text) {
  if (text.empty()) line.fail(fmt::format("{} is empty, expected a name", column));
  return std::string(text);
}

ReplayRow read_row(const Line& line, const std::vector<std::size_t>& columns) {
  const auto text = [&](std::size_t i) { return trim(line.fields[columns[i]]); };
  ReplayRow row;
  row.network = read_word(line, kRequired[0], text(0));
  row.array = read_word(line, kRequired[1], text(1));
  if (const auto device = find_device(fmt::format("aie2:{}", row.array)); !device) {
    line.fail(fmt::format("array is '{}', expected COLUMNSxROWS such as 4x4 ({})", row.array,
                          device.error()));
  }
  row.weights = read_word(line, kRequired[2], text(2));
  row.layer = read_word(line, kRequired[3], text(3));
  const auto output = read_sizes<3>(line, kRequired[4], text(4));
  row.output = {output[0], output[1], output[2]};
  const auto weight = read_sizes<4>(line, kRequired[5], text(5));
  row.weight = {weight[0], weight[1], weight[2], weight[3]};
  row.core_input = read_core_extent(line, kRequired[6], text(6));
  row.core_output = read_core_extent(line, kRequired[7], text(7));
  const auto density = parse_number(text(8));
  if (!density || *density <= 0 || *density > 1) {
    line.fail(fmt::format("density is '{}', expected a number above 0 and up to 1", text(8)));
  }
  row.density = *density;
  if (columns[9] != std::string_view::npos && !text(9).empty()) {
    row.iterations = parse_number(text(9));
    if (!row.iterations || *row.iterations <= 0) {
      line.fail(fmt::format("iterations is '{}', expected a number above 0", text(9)));
    }
  }
  return row;
}

}  // namespace

std::vector<ReplayRow> parse_replay(std::string_view text, std::string_view file_name) {
  std::vector<ReplayRow> rows;
  std::vector<std::size_t> columns;
  std::size_t width = 0;
  Line line{file_name, 0, {}};
  for (const std::string_view raw : split(text, '\n')) {
    ++line.number;
    const std::string_view content = trim(raw);
    if (content.empty()) continue;
    line.fields = split(content, ',');
    if (columns.empty()) {
      columns = find_columns(line);
      width = line.fields.size();
      continue;
    }
    if (line.fields.size() != width) {
      line.fail(fmt::format("the line has {} fields, expected {} as in the header",
                            line.fields.size(), width));
    }
    rows.push_back(read_row(line, columns));
  }
  if (columns.empty()) {
    line.number = 1;
    line.fail(
        fmt::format("the file is empty, expected a header with {}", fmt::join(kRequired, ",")));
  }
  return rows;
}

std::vector<ReplayRow> read_replay(const std::string& path) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (!file) {
    throw Error(ErrorKind::io, fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  }
  std::string text;
  std::array<char, 65536> piece;
  std::size_t got = 0;
  while ((got = std::fread(piece.data(), 1, piece.size(), file.get())) > 0) {
    text.append(piece.data(), got);
  }
  if (std::ferror(file.get()) != 0) {
    throw Error(ErrorKind::io, fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  }
  return parse_replay(text, path);
}

}  // namespace wbs::aie
