// The program of an AIE2 array: what each shim, Memtile and core is configured to do, as data.
// The compiler writes it, the checker and the machine read it, and nobody needs the network again.
//
// Terms are the hardware's (AM020): a buffer descriptor says which words of a memory one DMA
// transfer touches and which locks it takes; a channel runs a queue of tasks, each a chain of
// descriptors; MM2S reads memory and feeds a stream, S2MM drains a stream into memory.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "aie_model/kernels/kernel_call.hpp"

namespace wbs::aie {

enum class TileKind : std::uint8_t { shim, memtile, core };

/// A tile of the grid. From south to north a column has its shim, its Memtile, its cores; `row`
/// counts within a kind, 0 the most southern one.
struct TileId {
  TileKind kind = TileKind::core;
  std::int16_t column = 0;
  std::int16_t row = 0;
  friend auto operator<=>(const TileId&, const TileId&) = default;
};

enum class Direction : std::uint8_t { mm2s, s2mm };

/// One use of a semaphore lock. Acquire waits until the lock is at least `value`, then subtracts
/// it; release adds it. `lock` < 0: none.
struct LockUse {
  std::int16_t lock = -1;
  std::int16_t value = 1;
  friend bool operator==(const LockUse&, const LockUse&) = default;
};

/// A loop of a descriptor's address generator, in 32-bit words.
struct Dimension {
  std::uint32_t count = 1;
  std::int32_t stride = 1;
  friend bool operator==(const Dimension&, const Dimension&) = default;
};

/// Which memory a descriptor addresses.
enum class MemoryOf : std::uint8_t {
  own,
  west,  ///< the Memtile of the next column to the west (Memtiles, channels 0 to 3 only)
  east,
  ddr,  ///< shims: `address` counts from the start of DDR buffer `ddr_buffer`
};

/// A buffer descriptor. Its id is its index in TileProgram::descriptors.
///
/// Words touched, in order: dimensions[0] is the innermost loop; without dimensions the words are
/// contiguous. The product of the counts is `words`. The n-th run of the descriptor within a step
/// (from 0) adds stride * (n % count) of `iteration` to the address.
/// `padding` (MM2S of Memtiles, needs as many dimensions) puts zero words into the stream before
/// and after: entry d repeats the whole extent of the loops inside d, padding included.
struct Descriptor {
  MemoryOf memory = MemoryOf::own;
  std::uint16_t ddr_buffer = 0;
  std::uint64_t address = 0;  ///< bytes, a multiple of 4
  std::uint32_t words = 0;    ///< read or written in memory by one run; padding not counted
  std::vector<Dimension> dimensions{};
  Dimension iteration{1, 0};
  std::array<std::uint16_t, 3> pad_before{}, pad_after{};
  LockUse acquire{}, release{};  ///< before the first word, after the last
  std::int16_t next = -1;        ///< descriptor that follows in the chain
  std::int16_t packet = -1;      ///< MM2S: send the run as a packet with this id (0 to 31)
  /// MM2S with a packet id: the descriptor that the packet asks for at an out-of-order receiver.
  std::int16_t target = -1;
  /// MM2S: zero bytes do not enter the stream; S2MM: they come back (compression.hpp). Tiles with
  /// memory; not with padding.
  bool compress = false;
  /// With `compress`: stream words of each run; the n-th run (from 0) has entry n % size. Tells the
  /// timing model what the bytes will say; the functional model checks that they do. Empty where
  /// nobody knows.
  std::vector<std::uint32_t> sizes{};
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

/// Runs the chain that starts at `descriptor`, `repeat` times. On an out-of-order channel
/// `descriptor` is -1 and `repeat` is the number of packets to take.
struct Task {
  std::int16_t descriptor = -1;
  std::uint32_t repeat = 1;
  friend bool operator==(const Task&, const Task&) = default;
};

/// A DMA channel and the tasks of one step, run one after the other.
struct Channel {
  Direction direction = Direction::mm2s;
  std::uint8_t index = 0;
  bool out_of_order = false;  ///< S2MM: each packet's header names its descriptor
  std::vector<Task> tasks{};
  friend bool operator==(const Channel&, const Channel&) = default;
};

/// A ring of equal buffers in a core's memory, of which one is current. `advance` makes the next
/// one current. In machine code this is a pointer; here it keeps loops short.
struct Ring {
  std::uint32_t address = 0;
  std::uint32_t slot_bytes = 0;
  std::uint32_t slots = 2;
  /// Rings of weights: kept operands of each filling, in the order of arrival; the n-th filling
  /// (from 0) has entry n % size. Tells the timing model what the bytes will say; the functional
  /// model checks that they do.
  std::vector<std::uint32_t> kept{};
  friend bool operator==(const Ring&, const Ring&) = default;
};

/// One instruction of a core's control program. `begin`/`end` bracket a loop of `count` rounds.
struct CoreOp {
  enum class Kind : std::uint8_t { acquire, release, call, advance, begin, end };
  Kind kind = Kind::call;
  LockUse lock{};           ///< acquire, release: a lock of this core
  std::uint32_t index = 0;  ///< call: of TileProgram::calls; advance: of TileProgram::rings
  std::uint32_t count = 1;  ///< begin
  friend bool operator==(const CoreOp&, const CoreOp&) = default;
};

/// Everything one tile does in a step. Locks not listed start at 0.
struct TileProgram {
  TileId tile;
  std::vector<std::int16_t> locks{};  ///< initial values, by lock id
  std::vector<Descriptor> descriptors{};
  std::vector<Channel> channels{};
  std::vector<Ring> rings{};        ///< cores
  std::vector<KernelCall> calls{};  ///< cores
  std::vector<CoreOp> code{};       ///< cores
  friend bool operator==(const TileProgram&, const TileProgram&) = default;
};

/// A port of a tile's stream switch. `dma` index i: as slave, MM2S channel i; as master, S2MM i.
/// Master north i feeds slave south i of the tile to the north, and so on round the compass.
struct Port {
  enum class Kind : std::uint8_t { dma, north, south, east, west };
  Kind kind = Kind::dma;
  std::uint8_t index = 0;
  friend auto operator<=>(const Port&, const Port&) = default;
};

/// A slave port forwards to a master port; several connections of one slave port are a broadcast.
/// With `packet` >= 0 only packets of that id take it, and several sources may share a master
/// port, one packet after the other; otherwise the master port is this source's alone.
struct SwitchConnection {
  TileId tile;
  Port slave, master;
  std::int16_t packet = -1;
  friend auto operator<=>(const SwitchConnection&, const SwitchConnection&) = default;
};

/// What the array does between two barriers. Memory contents survive from step to step; locks,
/// descriptors, tasks, code and routes are set anew. A step ends when every task and every core
/// program has ended.
struct Step {
  std::string name;         ///< for people: "layer1.0.conv1: rows 0..13"
  std::uint32_t layer = 0;  ///< of Program::layers
  std::vector<TileProgram> tiles;
  std::vector<SwitchConnection> connections;
  friend bool operator==(const Step&, const Step&) = default;
};

/// A region of external memory.
struct DdrBuffer {
  enum class Kind : std::uint8_t { input, weights, output, scratch };
  std::string name;
  Kind kind = Kind::scratch;
  std::uint64_t size_bytes = 0;
  std::vector<std::uint8_t> data;  ///< weights: the packed bytes; otherwise empty
  friend bool operator==(const DdrBuffer&, const DdrBuffer&) = default;
};

/// An activation tensor as the array stores it: [blocks][rows][columns][8] bytes, channels in
/// blocks of 8 (channels beyond `channels` are zero).
struct TensorShape {
  std::int64_t channels = 0, rows = 0, columns = 0;
  bool is_unsigned = false;
  std::int32_t exponent = 0;  ///< value = integer * 2^exponent
  [[nodiscard]] std::int64_t blocks() const { return (channels + 7) / 8; }
  friend bool operator==(const TensorShape&, const TensorShape&) = default;
};

/// Where a part of a layer's result lies after a step: rows [row, row + rows) of blocks
/// [block, block + blocks), stored as [blocks][stored_rows][columns][8] with the part's first row
/// at `first_row`. For checks; the array does not need it.
struct TensorPart {
  std::uint32_t step = 0;
  TileId tile;  ///< a Memtile; a shim means DDR buffer `ddr_buffer`
  std::uint16_t ddr_buffer = 0;
  std::uint64_t address = 0;  ///< of block `block`, stored row 0
  std::int64_t block = 0, blocks = 0;
  std::int64_t row = 0, rows = 0, stored_rows = 0, first_row = 0;
  friend bool operator==(const TensorPart&, const TensorPart&) = default;
};

/// A layer of the network, for tables and checks.
struct ProgramLayer {
  std::string name, operation;
  std::int64_t macs = 0;       ///< dense multiply-accumulates
  std::int64_t kept_macs = 0;  ///< those of kept 8x8 operands
  TensorShape output;
  std::vector<TensorPart> parts;
  friend bool operator==(const ProgramLayer&, const ProgramLayer&) = default;
};

/// A compiled network.
struct Program {
  std::string network, pattern, device;
  std::int64_t columns = 0, rows = 0;
  TensorShape input, output;
  std::uint16_t input_buffer = 0, output_buffer = 0;  ///< DDR buffers
  std::vector<DdrBuffer> ddr;
  std::vector<ProgramLayer> layers;
  std::vector<Step> steps;
  friend bool operator==(const Program&, const Program&) = default;
};

/// "core(2,1)", "memtile(2)", "shim(0)": column, then row where a column has several.
[[nodiscard]] std::string to_string(TileId tile);

/// The words that one run of the descriptor puts into or takes from the stream: `words` and the
/// zero words of its padding.
[[nodiscard]] std::uint64_t stream_words(const Descriptor& descriptor);

/// The words of its `run`-th run in the stream: with compression those that it promises, else the
/// most that there can be.
[[nodiscard]] std::uint64_t stream_words(const Descriptor& descriptor, std::uint64_t run);

}  // namespace wbs::aie
