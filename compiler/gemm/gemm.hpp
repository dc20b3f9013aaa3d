// Matrix products on a whole array: which tiles, how long by arithmetic, and as a program.
//
// C[m][n] = sum over k of A[m][k] * B[k][n]. In external memory A and C are stored by rows, B by
// columns, so that k is contiguous in both operands. The mapping is that of "Striking the Balance"
// (StB, arXiv 2512.13282): each core owns one tile of C at a time and keeps it in its memory until
// all of k is summed up; tiles of A are broadcast along a row of cores, tiles of B along a column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "aie_model/device.hpp"
#include "aie_model/program/program.hpp"
#include "core/error.hpp"

namespace wbs::compiler {

struct Gemm {
  std::int64_t m = 0, k = 0, n = 0;
  aie::GemmTypes types = aie::GemmTypes::i8_i8;
  [[nodiscard]] double macs() const {
    return static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n);
  }
};

/// Elements of the tiles of one kernel call, and how far along k a Memtile reads at once.
struct GemmTile {
  std::int64_t m = 0, k = 0, n = 0;
  std::int64_t panel = 0;  ///< a multiple of k: StB's k_mt; 0: to be chosen
  friend bool operator==(const GemmTile&, const GemmTile&) = default;
};

/// Bytes of an element of A and B, and of C.
[[nodiscard]] std::int64_t operand_bytes(aie::GemmTypes types) noexcept;
[[nodiscard]] std::int64_t result_bytes(aie::GemmTypes types) noexcept;

/// How often each loop runs; sizes that the tiles do not divide are padded.
struct GemmGrid {
  std::int64_t blocks_m = 0, blocks_n = 0;  ///< tiles of C per core: m over rows, n over columns
  std::int64_t panels = 0;                  ///< along k
  std::int64_t calls = 0;                   ///< kernel calls of one tile of C
};
[[nodiscard]] GemmGrid gemm_grid(const Gemm& gemm, const GemmTile& tile, const aie::Device& device);

/// Cycles by arithmetic; all include padding.
struct GemmEstimate {
  double kernel = 0;  ///< of one call
  // Bounds: the product takes at least the largest of them.
  double core = 0;               ///< calls, and sending C, during which its core waits
  double reads = 0, writes = 0;  ///< external memory at its bandwidth, short runs included
  double shim = 0;  ///< the busiest channel of a shim; streams into cores carry the same words
  // Of the model.
  double panels = 0;  ///< reads when the shims' channels share external memory equally
  double edges = 0;   ///< of every step: its first panels and its last tiles of C, beside nothing
  [[nodiscard]] double bound() const;
  [[nodiscard]] double cycles() const;
};
[[nodiscard]] GemmEstimate estimate_gemm(const Gemm& gemm, const GemmTile& tile,
                                         const aie::Device& device);

/// Empty if core memory (2A + 2B + C, StB) and Memtiles hold the tiles and the streams can carry
/// them; otherwise one sentence with the limit.
[[nodiscard]] std::string tile_defect(const Gemm& gemm, const GemmTile& tile,
                                      const aie::Device& device);

/// The tile with the least estimate, by search over all that fit: m and n in steps of the kernel's
/// tile, k in steps of 8. A panel given in `wanted` is kept, a whole tile given there too. Throws
/// Error(unsupported) if nothing fits, or the reason why `wanted` does not.
[[nodiscard]] GemmTile choose_gemm_tile(const Gemm& gemm, const aie::Device& device,
                                        const GemmTile& wanted = {});

/// The program of the product. Its kernels have times but no arithmetic: functional runs are
/// refused. Throws Error(unsupported) naming tile and limit when the array cannot do it: more than
/// 4 rows of cores, more rows than columns, columns without DDR, or tile_defect().
[[nodiscard]] aie::Program gemm_program(const Gemm& gemm, const GemmTile& tile,
                                        const aie::Device& device);

/// "4032x4032x4032" (M x K x N) and "int8:int8", as on the command line.
[[nodiscard]] Result<Gemm> parse_gemm(std::string_view size, std::string_view types);
/// "112x112x112" (m x k x n), or with the panel "96x56x96x224".
[[nodiscard]] Result<GemmTile> parse_gemm_tile(std::string_view text);

/// What a simulation gave.
struct GemmResult {
  GemmTile tile;
  GemmEstimate estimate;
  std::uint64_t cycles = 0;        ///< of the event simulation
  double seconds = 0;              ///< at the device's clock
  double tops = 0;                 ///< 2 * M * N * K, padding not counted, per second
  double core_macs_per_cycle = 0;  ///< of the kernel while it runs
  double core_busy = 0;            ///< share of the time in which a core computes
  std::string bound;               ///< the busiest resource: aie::StepTime::bound()
  std::uint64_t ddr_read_bytes = 0, ddr_write_bytes = 0;
  std::uint64_t events = 0;
};

/// Chooses the tile (but for what is given in `wanted`), builds the program and runs it in event
/// mode. Throws what choose_gemm_tile() and gemm_program() throw.
[[nodiscard]] GemmResult simulate_gemm(const Gemm& gemm, const aie::Device& device,
                                       const GemmTile& wanted = {});

}  // namespace wbs::compiler
