#include "aie_model/machine/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace wbs::aie {

Engine::Engine(const Program& program, const Device& device, const RunOptions& options,
               std::span<const std::uint8_t> input)
    : program_(program), device_(device), options_(options), grid_(device) {
  const std::size_t tiles = grid_.tiles();
  tile_ids_.resize(tiles);
  loaded_code_.resize(tiles);
  memory_bytes_.resize(tiles);
  for (std::uint32_t tile = 0; tile < tiles; ++tile) {
    tile_ids_[tile] = grid_.tile(tile);
    if (tile_ids_[tile].kind == TileKind::memtile) {
      memory_bytes_[tile] = static_cast<std::uint64_t>(device.silicon.memtile.memory_bytes);
    } else if (tile_ids_[tile].kind == TileKind::core) {
      memory_bytes_[tile] = static_cast<std::uint64_t>(device.core_memory);
    }
  }
  for (const DdrBuffer& buffer : program.ddr) memory_bytes_.push_back(buffer.size_bytes);
  result_.core_busy_cycles.resize(static_cast<std::size_t>(device.columns * device.rows));
  if (!options.functional) return;
  for (std::size_t tile = 0; tile < tiles; ++tile) memories_.emplace_back(memory_bytes_[tile]);
  for (const DdrBuffer& buffer : program.ddr) {
    if (buffer.kind == DdrBuffer::Kind::weights) {
      memories_.emplace_back(std::span<const std::uint8_t>(buffer.data));
    } else if (buffer.kind == DdrBuffer::Kind::input) {
      memories_.emplace_back(input);
    } else {
      memories_.emplace_back(buffer.size_bytes);
    }
  }
}

void Engine::fail(FaultKind kind, std::string message) const {
  throw FaultFound(Fault{.kind = kind, .step = step_, .message = std::move(message)});
}

std::string Engine::memory_name(std::uint32_t memory) const {
  if (memory < tile_ids_.size()) return to_string(tile_ids_[memory]);
  return fmt::format("DDR buffer {}", program_.ddr[memory - tile_ids_.size()].name);
}

void Engine::fail_access(std::uint32_t actor, std::uint32_t memory, const Conflict& conflict,
                         bool writes) const {
  const std::string place = fmt::format("byte {} of {}", conflict.word * 4, memory_name(memory));
  if (conflict.kind == Conflict::Kind::uninitialised) {
    fail(FaultKind::uninitialised,
         fmt::format("{} reads {}, which nobody wrote", name(actor), place));
  }
  fail(FaultKind::race, fmt::format("{} {} {} and no lock orders that after {} {} it", name(actor),
                                    writes ? "writes" : "reads", place, name(conflict.other),
                                    conflict.other_wrote ? "writing" : "reading"));
}

RunResult Engine::run() {
  try {
    for (step_ = 0; step_ < program_.steps.size(); ++step_) run_step(program_.steps[step_]);
    if (options_.functional) check_output();
  } catch (const FaultFound& found) {
    result_.fault = found.fault();
    result_.cycles = now_;
  }
  if (options_.functional && program_.output_buffer < program_.ddr.size()) {
    const auto bytes = memories_[grid_.tiles() + program_.output_buffer].bytes();
    result_.output.assign(bytes.begin(), bytes.end());
  }
  return std::move(result_);
}

void Engine::run_step(const Step& step) {
  StepTime& time = result_.steps.emplace_back();
  time.begin = now_;
  prepare(step);
  dram_busy_ = {};
  time.reconfigure = reconfiguration(step);
  now_ += time.reconfigure;
  step_end_ = now_;
  if (options_.trace) {
    for (const TileId tile : tile_ids_) {
      if (tile.kind != TileKind::shim) continue;
      result_.activities.push_back({.tile = tile,
                                    .kind = Activity::Kind::reconfigure,
                                    .channel = 0,
                                    .step = step_,
                                    .begin = time.begin,
                                    .end = now_});
    }
  }
  for (std::uint32_t id = 0; id < dmas_.size(); ++id) {
    const Dma& dma = dmas_[id];
    if (dma.feeder != kNone && dma.channel->out_of_order) {
      fail(FaultKind::malformed,
           fmt::format("{} takes packets out of order, but its route carries none", name(id)));
    }
    next_run(id);
  }
  for (std::uint32_t i = 0; i < cores_.size(); ++i) {
    run_core(static_cast<std::uint32_t>(dmas_.size()) + i);
  }
  run_events();
  now_ = std::max(now_, step_end_);
  if (unfinished_ > 0) fail(FaultKind::deadlock, deadlock());
  finish_step(result_.steps.back());
  if (options_.functional && options_.after_step) {
    options_.after_step(step_, [this](TileId tile, std::uint16_t ddr_buffer, std::uint64_t address,
                                      std::span<std::uint8_t> bytes) {
      copy_out(tile, ddr_buffer, address, bytes);
    });
  }
}

void Engine::run_events() {
  std::vector<std::uint32_t> batch;
  for (;;) {
    while (!ready_.empty()) {
      batch.swap(ready_);
      for (const std::uint32_t actor : batch) resume(actor);
      batch.clear();
    }
    if (events_.empty()) return;
    const Event event = events_.pop();
    now_ = event.time;
    ++result_.events;
    switch (event.kind()) {
      case Event::Kind::ready:
        activate(event.who());
        break;
      case Event::Kind::chunk:
        finish_chunk(event.who());
        break;
      case Event::Kind::release:
        release_late(event.who());
        break;
      case Event::Kind::core:
        finish_core_event(event.who());
        break;
    }
  }
}

void Engine::resume(std::uint32_t actor) {
  if (actor < dmas_.size()) {
    start_task(actor);
  } else {
    resume_core(actor);
  }
}

void Engine::finish_step(StepTime& time) {
  time.end = now_;
  for (const Dma& dma : dmas_) {
    std::uint64_t* busiest = &time.shim;
    if (dma.program->tile.kind == TileKind::memtile) busiest = &time.memtile;
    if (dma.program->tile.kind == TileKind::core) busiest = &time.core_stream;
    *busiest = std::max(*busiest, dma.busy);
    ChannelUse& use = time.channels[channel_class(dma.program->tile.kind, dma.channel->direction)];
    use.bytes += dma.carried * 4;
    use.busiest = std::max(use.busiest, dma.busy);
  }
  for (const Core& core : cores_) {
    const std::uint64_t busy = core.busy.cycles();
    time.core = std::max(time.core, busy);
    time.calls += core.busy;
    time.bank_conflicts = std::max(time.bank_conflicts, core.busy.conflicts);
    const TileId tile = core.program->tile;
    result_.core_busy_cycles[static_cast<std::size_t>(tile.column * device_.rows + tile.row)] +=
        busy;
  }
  // Accesses of 128 bits, interleaved over physical banks of which each serves one per cycle.
  const std::int64_t banks =
      device_.silicon.memtile.memory_bytes / device_.silicon.memtile.bank_bytes;
  time.memtile_banks = *std::max_element(bank_accesses_.begin(), bank_accesses_.end()) /
                       static_cast<std::uint64_t>(std::max<std::int64_t>(1, banks));
  time.dram_read = static_cast<std::uint64_t>(std::ceil(dram_busy_[0]));
  time.dram_write = static_cast<std::uint64_t>(std::ceil(dram_busy_[1]));
  time.dram = std::max(time.dram_read, time.dram_write);
  result_.cycles = now_;
}

// Every byte of the result tensor was written by somebody.
void Engine::check_output() {
  if (program_.output_buffer >= program_.ddr.size() || program_.steps.empty()) return;
  step_ = static_cast<std::uint32_t>(program_.steps.size()) - 1;
  const TensorShape& shape = program_.output;
  const auto bytes = static_cast<std::uint64_t>(shape.blocks() * shape.rows * shape.columns * 8);
  const auto memory = static_cast<std::uint32_t>(grid_.tiles() + program_.output_buffer);
  const auto hole = memories_[memory].first_unwritten(bytes / 4);
  if (hole) {
    fail(FaultKind::uninitialised, fmt::format("byte {} of {} is part of the result, but nobody "
                                               "wrote it",
                                               *hole * 4, memory_name(memory)));
  }
}

void Engine::copy_out(TileId tile, std::uint16_t ddr_buffer, std::uint64_t address,
                      std::span<std::uint8_t> bytes) const {
  std::size_t memory = grid_.tiles() + ddr_buffer;
  if (tile.kind != TileKind::shim) {
    memory = grid_.contains(tile) ? grid_.index(tile) : memories_.size();
  }
  if (memory >= memories_.size() || address + bytes.size() > memories_[memory].size_bytes()) {
    throw Error(ErrorKind::input, fmt::format("{} bytes at {} of {} are outside its memory",
                                              bytes.size(), address, to_string(tile)));
  }
  const auto from = memories_[memory].bytes().subspan(address, bytes.size());
  std::copy(from.begin(), from.end(), bytes.begin());
}

}  // namespace wbs::aie
