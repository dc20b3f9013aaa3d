#include "compiler/coverage.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace wbs::compiler {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

std::vector<Interval> cut(Interval whole, std::int64_t piece) {
  WBS_ASSERT(piece > 0);
  std::vector<Interval> pieces;
  for (std::int64_t at = whole.begin; at < whole.end; at += piece)
    pieces.push_back({at, std::min(at + piece, whole.end)});
  return pieces;
}

/// `count` shares of `share` each, the last ones shorter or empty, each cut into pieces.
std::vector<std::vector<Interval>> shares(std::int64_t whole, std::int64_t count,
                                          std::int64_t share, std::int64_t piece) {
  std::vector<std::vector<Interval>> all;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t begin = std::min(i * share, whole);
    all.push_back(cut({begin, std::min(begin + share, whole)}, piece));
  }
  return all;
}

std::int64_t total(const std::vector<Interval>& pieces) {
  std::int64_t sum = 0;
  for (const Interval& piece : pieces) sum += piece.end - piece.begin;
  return sum;
}

std::int64_t total(const std::vector<std::vector<Interval>>& groups) {
  std::int64_t sum = 0;
  for (const std::vector<Interval>& pieces : groups) sum += total(pieces);
  return sum;
}

}  // namespace

Coverage coverage(const aie::TiledLayer& layer, const ArrayShape& array) {
  const std::int64_t width = layer.output.w;
  const std::int64_t column = width >= array.columns ? ceil_div(width, array.columns) : width;
  // Shares of output channels are whole blocks of 8: a block is one operand of the MAC.
  const std::int64_t share = ceil_div(ceil_div(layer.output.c, array.rows), 8) * 8;
  const std::int64_t height_tile = ceil_div(layer.output.h, layer.height_tiles);
  Coverage pieces;
  pieces.columns = shares(width, array.columns, column, layer.core_output.w);
  pieces.rows = shares(layer.output.c, array.rows, share, layer.core_weight.cout);
  for (const Interval& tile : cut({0, layer.output.h}, height_tile))
    for (const Interval& step : cut(tile, layer.core_output.h)) pieces.heights.push_back(step);
  pieces.cins = cut({0, layer.input.c / layer.groups}, layer.core_weight.cin);
  return pieces;
}

std::int64_t covered_macs(const Coverage& pieces, const aie::Window& window) {
  return total(pieces.columns) * total(pieces.rows) * total(pieces.heights) * total(pieces.cins) *
         window.kh * window.kw;
}

}  // namespace wbs::compiler
