// A small program that breaks no rule, for tests that break them.
#pragma once

#include "aie_model/device.hpp"
#include "aie_model/program/program.hpp"

namespace wbs::aie::tests {

inline TileId shim(int column) {
  return {TileKind::shim, static_cast<std::int16_t>(column), 0};
}
inline TileId core(int column, int row) {
  return {TileKind::core, static_cast<std::int16_t>(column), static_cast<std::int16_t>(row)};
}

constexpr TileId kShim{TileKind::shim, 0, 0};
constexpr TileId kMemtile{TileKind::memtile, 0, 0};
constexpr TileId kCore{TileKind::core, 0, 0};

inline Port dma(std::uint8_t index) {
  return {Port::Kind::dma, index};
}
inline Port north(std::uint8_t index) {
  return {Port::Kind::north, index};
}
inline Port south(std::uint8_t index) {
  return {Port::Kind::south, index};
}
inline Port east(std::uint8_t index) {
  return {Port::Kind::east, index};
}
inline Port west(std::uint8_t index) {
  return {Port::Kind::west, index};
}

/// 2 x 2 cores; only column 0 has a way to DDR.
Device good_device();

/// 64 words go from DDR buffer 0 through memtile(0) to core(0,0) and, as a packet to an
/// out-of-order channel, back through the Memtile to DDR buffer 1. Tiles in the order shim,
/// Memtile, core. The Memtile's descriptors: 0 in, 1 to the core, 2 out, 3 not used by a channel,
/// 24 the packet's; the others are gaps. Its channels: S2MM 0, MM2S 0, S2MM 1 (out of order), MM2S
/// 4.
Program good_program();

/// The program of the tile in the first step, made where it is missing.
TileProgram& tile(Program& program, TileId id);

/// A channel that sends 4 words; nothing is connected.
void add_sender(Program& program, TileId id, std::uint8_t channel, std::int16_t packet = -1);

}  // namespace wbs::aie::tests
