// The discrete-event engine behind run().
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "aie_model/machine/clocks.hpp"
#include "aie_model/machine/event_queue.hpp"
#include "aie_model/machine/layout.hpp"
#include "aie_model/machine/machine.hpp"
#include "aie_model/machine/memory.hpp"
#include "aie_model/machine/routes.hpp"
#include "aie_model/machine/state.hpp"
#include "aie_model/program/grid.hpp"

namespace wbs::aie {

/// Ends a run. Never leaves the engine.
class FaultFound : public std::exception {
 public:
  explicit FaultFound(Fault fault) : fault_(std::move(fault)) {}
  [[nodiscard]] const Fault& fault() const { return fault_; }
  [[nodiscard]] const char* what() const noexcept override { return fault_.message.c_str(); }

 private:
  Fault fault_;
};

/// One run of one program. Actors are DMA channels (numbers from 0) and after them the cores.
class Engine {
 public:
  Engine(const Program& program, const Device& device, const RunOptions& options,
         std::span<const std::uint8_t> input);
  [[nodiscard]] RunResult run();

 private:
  // engine.cpp: the program, step by step.
  void run_step(const Step& step);
  void run_events();
  void resume(std::uint32_t actor);
  void finish_step(StepTime& time);
  void check_output();
  void copy_out(TileId tile, std::uint16_t ddr_buffer, std::uint64_t address,
                std::span<std::uint8_t> bytes) const;
  [[noreturn]] void fail(FaultKind kind, std::string message) const;

  // prepare.cpp: the state of a step.
  void prepare(const Step& step);
  void prepare_tile(const TileProgram& program);
  void prepare_core(const TileProgram& program, std::uint32_t lock_base);
  void prepare_streams();
  void prepare_ends(const Route& route, Stream& stream);
  [[nodiscard]] std::uint64_t reconfiguration(const Step& step);
  void prepare_transfer(const Dma& dma, Transfer& transfer);
  [[nodiscard]] std::uint32_t memory_of(const Dma& dma, const Descriptor& descriptor) const;

  // locks.cpp
  bool acquire(std::uint32_t actor, std::uint32_t lock, std::int32_t value);
  void release_from(std::uint32_t actor, std::uint32_t lock, std::int32_t value);
  void release(std::uint32_t lock, std::int32_t value);
  [[nodiscard]] std::string deadlock() const;
  [[nodiscard]] std::string waits_for(std::uint32_t actor) const;
  [[nodiscard]] std::string lock_wait(std::uint32_t actor, std::uint32_t lock_base) const;
  [[nodiscard]] std::string name(std::uint32_t actor) const;

  // dma.cpp: runs of descriptors.
  void next_run(std::uint32_t id);
  bool next_task(Dma& dma);
  void begin_run(std::uint32_t id);
  void start_task(std::uint32_t id);
  void activate(std::uint32_t id);
  void end_run(std::uint32_t id);
  void finish_send(std::uint32_t id);
  void finish_receive(std::uint32_t id, std::uint32_t latency);
  void release_late(std::uint32_t who);

  // stream.cpp: words between channels.
  void offer(std::uint32_t source);
  [[noreturn]] void fail_route(std::uint32_t source, const std::string& defect) const;
  void win_ports(std::uint32_t source);
  void give_ports(std::uint32_t source);
  void grant(std::uint32_t source);
  void try_move(std::uint32_t source);
  void finish_chunk(std::uint32_t source);
  void carry(std::uint32_t source);  // functional
  void gather(std::uint32_t source, std::uint32_t words);
  void scatter(std::uint32_t receiver, std::span<const std::uint32_t> words);
  [[nodiscard]] std::uint64_t stream_cycles(std::uint64_t words) const;
  [[nodiscard]] std::uint64_t dram_ready(const Stream& stream, const Dma& source,
                                         std::uint64_t words);
  [[nodiscard]] std::uint64_t dram_serve(bool writes, double bytes);

  // banks.cpp: accesses that meet in a bank.
  void find_neighbours(Core& core) const;
  [[nodiscard]] std::uint64_t conflicts_of(Core& core, const KernelCall& call,
                                           Core::CallTime& time);
  void use_banks(const Transfer& transfer);

  // compress.cpp: runs whose words in the stream depend on the data.
  void compress_run(std::uint32_t source);
  static void expect_words(Dma& receiver, const Dma& source);
  void decompress_chunk(std::uint32_t receiver, std::span<const std::uint32_t> words);

  // core.cpp: control programs and their calls.
  void run_core(std::uint32_t actor);
  void resume_core(std::uint32_t actor);
  void finish_core_event(std::uint32_t actor);
  void begin_call(std::uint32_t actor);
  void end_call(std::uint32_t actor);
  void apply_call(std::uint32_t actor, const KernelCall& call);
  void note_operand(std::uint32_t actor, std::uint64_t address, std::uint64_t bytes, bool writes);
  [[nodiscard]] std::uint32_t kept_of(const Core& core, const KernelCall& call) const;
  [[nodiscard]] std::uint32_t resolve(const Core& core, const Operand& operand) const;

  [[nodiscard]] Core& core_of(std::uint32_t actor) { return cores_[actor - dmas_.size()]; }
  [[nodiscard]] Accessor accessor(std::uint32_t actor) const {
    return {.actor = actor, .clock = clocks_.of(actor), .step = step_ + 1};
  }
  [[noreturn]] void fail_access(std::uint32_t actor, std::uint32_t memory, const Conflict& conflict,
                                bool writes) const;
  [[nodiscard]] std::string memory_name(std::uint32_t memory) const;

  const Program& program_;
  const Device& device_;
  const RunOptions& options_;
  Grid grid_;
  RunResult result_;
  std::uint64_t now_ = 0, step_end_ = 0;
  std::uint32_t step_ = 0;
  /// External memory, for reads and for writes: when it has served all requests so far, and how
  /// long it worked in this step.
  std::array<double, 2> dram_free_{}, dram_busy_{};

  std::vector<std::uint64_t> memory_bytes_;  ///< tiles by number, then DDR buffers
  std::vector<Memory> memories_;             ///< functional: the same
  std::vector<TileId> tile_ids_;
  std::vector<const TileProgram*> loaded_code_;  ///< by tile
  std::set<std::uint32_t> warm_channels_;        ///< shims' that ran a task

  EventQueue events_;
  std::vector<std::uint32_t> ready_;  ///< actors that got their lock
  std::vector<Dma> dmas_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> tile_dmas_;  ///< by tile: first, end
  std::vector<Core> cores_;
  std::vector<Transfer> transfers_;
  std::vector<LockState> locks_;
  std::vector<LockWait> waits_;  ///< by actor
  std::unique_ptr<Routes> routes_;
  const Step* routed_ = nullptr;  ///< a step whose connections are those of `routes_`
  std::vector<Stream> streams_;
  std::vector<StreamEnd> ends_;
  std::vector<std::uint32_t> stream_ports_;
  std::vector<std::vector<std::uint32_t>> port_queues_;  ///< sources, the holder first
  std::vector<LateRelease> late_;
  std::vector<std::uint32_t> free_late_;
  std::uint64_t unfinished_ = 0;
  std::vector<std::uint64_t> bank_accesses_;  ///< of the step, by tile: Memtiles

  Clocks clocks_;
  std::vector<std::vector<Piece>> layouts_;
  std::vector<std::uint32_t> words_;  ///< on their way
};

}  // namespace wbs::aie
