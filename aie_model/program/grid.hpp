// Tiles as numbers, and their neighbours.
#pragma once

#include <cstdint>
#include <optional>

#include "aie_model/device.hpp"
#include "aie_model/program/program.hpp"

namespace wbs::aie {

/// The tiles of a device, numbered from 0: column by column, in each from south to north.
class Grid {
 public:
  explicit Grid(const Device& device)
      : columns_(device.columns), cores_(device.rows), memtiles_(device.memtiles_per_column) {}

  [[nodiscard]] std::size_t tiles() const {
    return static_cast<std::size_t>(columns_ * (1 + memtiles_ + cores_));
  }
  [[nodiscard]] std::int64_t columns() const { return columns_; }

  [[nodiscard]] bool contains(TileId tile) const {
    return tile.column >= 0 && tile.column < columns_ && tile.row >= 0 &&
           tile.row < rows_of(tile.kind);
  }

  /// The number of a tile that the grid contains.
  [[nodiscard]] std::uint32_t index(TileId tile) const {
    return static_cast<std::uint32_t>(tile.column * (1 + memtiles_ + cores_) + height(tile));
  }

  /// The tile of a number below tiles().
  [[nodiscard]] TileId tile(std::uint32_t index) const {
    const std::int64_t height = 1 + memtiles_ + cores_;
    return tile_at(index / height, index % height);
  }

  /// The tile that a port of that kind leads to; none at the edge and for `dma`.
  [[nodiscard]] std::optional<TileId> neighbour(TileId tile, Port::Kind side) const {
    std::int64_t column = tile.column;
    std::int64_t level = height(tile);
    if (side == Port::Kind::dma) return std::nullopt;
    if (side == Port::Kind::east) ++column;
    if (side == Port::Kind::west) --column;
    if (side == Port::Kind::north) ++level;
    if (side == Port::Kind::south) --level;
    if (column < 0 || column >= columns_ || level < 0 || level > memtiles_ + cores_) {
      return std::nullopt;
    }
    return tile_at(column, level);
  }

  /// Shims have level 0, the tiles north of them 1, 2, ...
  [[nodiscard]] std::int64_t level(TileId tile) const { return height(tile); }

  /// The side on which the neighbour sees what leaves on this one.
  [[nodiscard]] static Port::Kind opposite(Port::Kind side) {
    switch (side) {
      case Port::Kind::north:
        return Port::Kind::south;
      case Port::Kind::south:
        return Port::Kind::north;
      case Port::Kind::east:
        return Port::Kind::west;
      case Port::Kind::west:
        return Port::Kind::east;
      case Port::Kind::dma:
        break;
    }
    return Port::Kind::dma;
  }

 private:
  [[nodiscard]] TileId tile_at(std::int64_t column, std::int64_t level) const {
    TileId result{.kind = TileKind::shim, .column = static_cast<std::int16_t>(column), .row = 0};
    if (level > memtiles_) {
      result.kind = TileKind::core;
      result.row = static_cast<std::int16_t>(level - memtiles_ - 1);
    } else if (level > 0) {
      result.kind = TileKind::memtile;
      result.row = static_cast<std::int16_t>(level - 1);
    }
    return result;
  }
  [[nodiscard]] std::int64_t rows_of(TileKind kind) const {
    if (kind == TileKind::shim) return 1;
    return kind == TileKind::memtile ? memtiles_ : cores_;
  }
  [[nodiscard]] std::int64_t height(TileId tile) const {
    if (tile.kind == TileKind::shim) return 0;
    return tile.kind == TileKind::memtile ? 1 + tile.row : 1 + memtiles_ + tile.row;
  }

  std::int64_t columns_, cores_, memtiles_;
};

}  // namespace wbs::aie
