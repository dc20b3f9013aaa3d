// What the engine keeps of each part of a step.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "aie_model/kernels/banks.hpp"
#include "aie_model/kernels/kernel_model.hpp"
#include "aie_model/program/program.hpp"

namespace wbs::aie {

inline constexpr std::uint32_t kNone = 0xFFFFFFFFU;

/// A semaphore, and the actors that wait for it, first come first.
struct LockState {
  std::int32_t value = 0;
  std::uint32_t first = kNone, last = kNone;
};

/// What an actor waits for.
struct LockWait {
  std::uint32_t lock = kNone;
  std::int32_t value = 0;
  std::uint32_t next = kNone;  ///< actor behind this one in the lock's queue
};

/// A buffer descriptor of the step.
struct Transfer {
  const Descriptor* source = nullptr;
  std::uint64_t words = 0;          ///< in the stream
  std::uint32_t memory = kNone;     ///< number of the memory; kNone: not checked yet
  std::uint32_t lock_base = 0;      ///< number of its tile's lock 0
  std::uint32_t pieces = kNone;     ///< functional: index of its layout
  std::uint32_t runs = 0;           ///< begun in this step
  double dram_factor = 1.0;         ///< shims' reads: bytes that external memory spends, per byte
  std::uint32_t bank_accesses = 0;  ///< of one run in a Memtile
  std::int64_t lowest = 0, highest = 0;  ///< words touched without iteration, in the memory
};

/// A DMA channel. Source: MM2S; receiver: S2MM.
struct Dma {
  enum class State : std::uint8_t {
    waits_for_lock,
    waits_for_packet,  ///< an out-of-order receiver between packets
    starts,            ///< pays for its task
    active,            ///< ready to move words
    moves,             ///< source: a chunk is under way
    done,
  };
  const TileProgram* program = nullptr;
  const Channel* channel = nullptr;
  std::uint32_t tile = 0;            ///< number in the grid
  std::uint32_t first_transfer = 0;  ///< number of its tile's descriptor 0
  State state = State::done;
  bool fresh_task = true;
  bool cold = false;     ///< shims: no task of this program ran on it yet
  bool granted = false;  ///< source: the packet holds its shared ports
  bool header = false;   ///< source: the packet's header is still to be sent

  std::uint32_t task = 0, repeats = 0, chain = 0;
  std::int32_t descriptor = -1;
  Transfer* transfer = nullptr;
  std::uint64_t words = 0, moved = 0;     ///< of the current run
  std::int64_t base = 0;                  ///< first word of the current run in its memory
  std::uint32_t piece = 0, in_piece = 0;  ///< functional: where in the layout

  std::vector<std::uint32_t>
      squeezed;  ///< functional: the run's words in the stream, if compressed

  std::uint32_t first_stream = 0, streams = 0;  ///< source: its routes
  std::uint32_t stream = kNone;                 ///< source: of the current run
  std::uint32_t chunk = 0;                      ///< source: words under way
  std::uint64_t chunk_cycles = 0;
  std::uint32_t feeder = kNone;  ///< receiver: the source whose words it gets

  std::uint64_t carried = 0;  ///< words of all runs
  std::uint64_t busy = 0;     ///< cycles with words moving, at the stream's rate
  std::uint64_t began = 0;    ///< the current run became active
};

/// A resolved route.
struct Stream {
  std::uint32_t first_end = 0, ends = 0;
  std::uint32_t first_port = 0, ports = 0;
  std::uint32_t ports_to_win = 0;  ///< how many of its shared ports the waiting packet lacks
  std::int16_t packet = -1;
  std::uint32_t route = 0;  ///< index in Routes::all()
  std::uint32_t links = 0;  ///< between tiles
};

/// A receiver of a stream.
struct StreamEnd {
  std::uint32_t dma = 0;
  std::uint32_t latency = 0;
};

/// A lock that a receiver releases once its last word has arrived.
struct LateRelease {
  std::uint32_t lock = kNone;
  std::int32_t value = 0;
  std::vector<std::uint32_t> clock;  ///< functional: the receiver's at its last word
};

/// A core's control program.
struct Core {
  enum class State : std::uint8_t { waits_for_lock, pays, calls, done };
  struct Loop {
    std::uint32_t begin = 0, left = 0;
  };
  struct CallTime {
    std::uint32_t kept = kNone;
    CallParts parts;
    CallAccesses accesses;
    /// Where the operands were last: their addresses, banks, and what that costs.
    std::array<std::uint32_t, 4> places{kNone, kNone, kNone, kNone};
    OperandBanks banks;
    double conflicts = 0.0;
  };
  /// A channel of the core's tile: which banks its buffers lie in, and its words at the last call.
  struct Neighbour {
    std::uint32_t dma = 0;
    BankShare banks{};
    std::uint64_t seen = 0;
  };
  const TileProgram* program = nullptr;
  std::uint32_t tile = 0;
  std::uint32_t lock_base = 0;
  State state = State::done;
  std::uint32_t at = 0;  ///< next instruction
  std::vector<Loop> loops;
  std::vector<std::uint32_t> closing;   ///< by instruction: the `end` of a `begin`
  std::vector<std::uint32_t> fillings;  ///< by ring: how often it was advanced
  std::vector<CallTime> times;          ///< by call: the last one computed
  std::uint64_t debt = 0;               ///< cycles of locks that are not paid yet
  std::uint64_t since = 0;              ///< when it began to wait
  std::uint64_t call_begin = 0;
  CallParts busy;
  std::vector<Neighbour> neighbours;
  double conflict_debt = 0.0;  ///< parts of cycles that no call was charged yet
};

}  // namespace wbs::aie
