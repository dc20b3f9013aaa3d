// What a step needs before its first event.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "aie_model/machine/engine.hpp"
#include "aie_model/program/compression.hpp"

namespace wbs::aie {
namespace {

// The highest lock that the tile mentions, and one more.
std::size_t lock_count(const TileProgram& program) {
  std::int32_t count = static_cast<std::int32_t>(program.locks.size());
  const auto use = [&count](const LockUse& lock) { count = std::max(count, lock.lock + 1); };
  for (const Descriptor& descriptor : program.descriptors) {
    use(descriptor.acquire);
    use(descriptor.release);
  }
  for (const CoreOp& op : program.code) {
    if (op.kind == CoreOp::Kind::acquire || op.kind == CoreOp::Kind::release) use(op.lock);
  }
  return static_cast<std::size_t>(count);
}

bool same_code(const TileProgram& a, const TileProgram& b) {
  const auto same_op = [](const CoreOp& x, const CoreOp& y) {
    return x.kind == y.kind && x.lock == y.lock && x.index == y.index && x.count == y.count;
  };
  const auto same_ring = [](const Ring& x, const Ring& y) {
    return x.address == y.address && x.slot_bytes == y.slot_bytes && x.slots == y.slots;
  };
  return a.calls == b.calls &&
         std::equal(a.code.begin(), a.code.end(), b.code.begin(), b.code.end(), same_op) &&
         std::equal(a.rings.begin(), a.rings.end(), b.rings.begin(), b.rings.end(), same_ring);
}

}  // namespace

void Engine::prepare(const Step& step) {
  dmas_.clear();
  cores_.clear();
  transfers_.clear();
  locks_.clear();
  events_.clear();
  ready_.clear();
  late_.clear();
  free_late_.clear();
  layouts_.clear();
  bank_accesses_.assign(grid_.tiles(), 0);
  tile_dmas_.assign(grid_.tiles(), {0, 0});
  std::vector<bool> seen(grid_.tiles(), false);
  for (const TileProgram& program : step.tiles) {
    if (!grid_.contains(program.tile)) {
      fail(FaultKind::malformed, fmt::format("{} is not on the array", to_string(program.tile)));
    }
    const std::uint32_t tile = grid_.index(program.tile);
    if (seen[tile]) {
      fail(FaultKind::malformed, fmt::format("{} has two programs", to_string(program.tile)));
    }
    seen[tile] = true;
    tile_ids_[tile] = program.tile;
    prepare_tile(program);
  }
  for (const SwitchConnection& connection : step.connections) {
    if (grid_.contains(connection.tile)) continue;
    fail(FaultKind::malformed,
         fmt::format("a connection is on {}, outside the array", to_string(connection.tile)));
  }
  const std::size_t actors = dmas_.size() + cores_.size();
  if (actors >= (1U << Memory::kActorBits) - 1) {
    fail(FaultKind::malformed, fmt::format("the step has {} DMA channels and cores", actors));
  }
  waits_.assign(actors, {});
  if (options_.functional) clocks_.reset(actors, locks_.size());
  // Most steps of a layer have the routes of the one before.
  if (routed_ == nullptr || routed_->connections != step.connections) {
    routes_ = std::make_unique<Routes>(step, grid_);
    routed_ = &step;
  }
  prepare_streams();
  unfinished_ = actors;
}

void Engine::prepare_tile(const TileProgram& program) {
  const std::uint32_t tile = grid_.index(program.tile);
  const auto lock_base = static_cast<std::uint32_t>(locks_.size());
  locks_.resize(locks_.size() + lock_count(program));
  for (std::size_t i = 0; i < program.locks.size(); ++i) {
    locks_[lock_base + i].value = program.locks[i];
  }
  const auto first_transfer = static_cast<std::uint32_t>(transfers_.size());
  for (const Descriptor& descriptor : program.descriptors) {
    transfers_.push_back({.source = &descriptor, .lock_base = lock_base});
  }
  tile_dmas_[tile].first = static_cast<std::uint32_t>(dmas_.size());
  for (const Channel& channel : program.channels) {
    for (std::size_t i = tile_dmas_[tile].first; i < dmas_.size(); ++i) {
      if (dmas_[i].channel->direction != channel.direction) continue;
      if (dmas_[i].channel->index != channel.index) continue;
      fail(FaultKind::malformed,
           fmt::format("{} is programmed twice", name(static_cast<std::uint32_t>(i))));
    }
    Dma& dma = dmas_.emplace_back();
    dma.program = &program;
    dma.channel = &channel;
    dma.tile = tile;
    dma.first_transfer = first_transfer;
  }
  tile_dmas_[tile].second = static_cast<std::uint32_t>(dmas_.size());
  if (!program.code.empty()) prepare_core(program, lock_base);
}

void Engine::prepare_core(const TileProgram& program, std::uint32_t lock_base) {
  const std::string tile = to_string(program.tile);
  if (program.tile.kind != TileKind::core) {
    fail(FaultKind::malformed, fmt::format("{} has code but is no core", tile));
  }
  Core& core = cores_.emplace_back();
  core.program = &program;
  core.tile = grid_.index(program.tile);
  core.lock_base = lock_base;
  core.closing.resize(program.code.size());
  core.fillings.resize(program.rings.size());
  core.times.resize(program.calls.size());
  find_neighbours(core);
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = 0; i < program.code.size(); ++i) {
    const CoreOp& op = program.code[i];
    bool good = true;
    if (op.kind == CoreOp::Kind::begin) open.push_back(i);
    if (op.kind == CoreOp::Kind::end) {
      good = !open.empty();
      if (good) {
        core.closing[open.back()] = i;
        open.pop_back();
      }
    }
    if (op.kind == CoreOp::Kind::call) good = op.index < program.calls.size();
    if (op.kind == CoreOp::Kind::advance) good = op.index < program.rings.size();
    if (!good) {
      fail(FaultKind::malformed, fmt::format("{} instruction {} names a call, ring or loop that "
                                             "does not exist",
                                             tile, i));
    }
  }
  if (!open.empty()) fail(FaultKind::malformed, fmt::format("{} has a loop without end", tile));
}

void Engine::prepare_streams() {
  streams_.clear();
  ends_.clear();
  stream_ports_.clear();
  port_queues_.assign(routes_->shared_ports(), {});
  const std::vector<Route>& routes = routes_->all();
  for (std::uint32_t i = 0; i < routes.size(); ++i) {
    const Route& route = routes[i];
    Stream stream{.packet = route.packet, .route = i, .links = route.links};
    stream.first_port = static_cast<std::uint32_t>(stream_ports_.size());
    stream.ports = static_cast<std::uint32_t>(route.shared_ports.size());
    stream_ports_.insert(stream_ports_.end(), route.shared_ports.begin(), route.shared_ports.end());
    prepare_ends(route, stream);
    streams_.push_back(stream);
    for (std::uint32_t id = tile_dmas_[route.tile].first; id < tile_dmas_[route.tile].second;
         ++id) {
      Dma& source = dmas_[id];
      if (source.channel->direction != Direction::mm2s) continue;
      if (source.channel->index != route.channel) continue;
      if (source.streams == 0) source.first_stream = i;
      ++source.streams;
      if (route.packet >= 0) continue;
      for (std::uint32_t end = 0; end < stream.ends; ++end) {
        dmas_[ends_[stream.first_end + end].dma].feeder = id;
      }
    }
  }
}

void Engine::prepare_ends(const Route& route, Stream& stream) {
  const SiliconTimes& times = device_.silicon.times;
  stream.first_end = static_cast<std::uint32_t>(ends_.size());
  for (const RouteEnd& end : route.ends) {
    for (std::uint32_t id = tile_dmas_[end.tile].first; id < tile_dmas_[end.tile].second; ++id) {
      if (dmas_[id].channel->direction != Direction::s2mm) continue;
      if (dmas_[id].channel->index != end.channel) continue;
      const auto beyond = static_cast<std::int32_t>(end.switches) - 2;
      const std::int32_t latency = times.stream_intercept + times.hop * std::max(0, beyond);
      ends_.push_back({.dma = id, .latency = static_cast<std::uint32_t>(latency)});
    }
  }
  stream.ends = static_cast<std::uint32_t>(ends_.size()) - stream.first_end;
}

std::uint64_t Engine::reconfiguration(const Step& step) {
  constexpr std::uint64_t kDescriptorWords = 8, kCoreDescriptorWords = 6, kLockWords = 1,
                          kTaskWords = 2, kConnectionWords = 1, kInstructionWords = 4;
  std::vector<std::uint64_t> words(static_cast<std::size_t>(grid_.columns()), 0);
  for (const TileProgram& program : step.tiles) {
    const bool is_core = program.tile.kind == TileKind::core;
    std::uint64_t& column = words[static_cast<std::size_t>(program.tile.column)];
    column += program.descriptors.size() * (is_core ? kCoreDescriptorWords : kDescriptorWords);
    column += program.locks.size() * kLockWords;
    for (const Channel& channel : program.channels) column += channel.tasks.size() * kTaskWords;
    if (program.code.empty()) continue;
    const TileProgram*& loaded = loaded_code_[grid_.index(program.tile)];
    if (loaded == nullptr || !same_code(*loaded, program)) {
      column += program.code.size() * kInstructionWords;
    }
    loaded = &program;
  }
  for (const SwitchConnection& connection : step.connections) {
    words[static_cast<std::size_t>(connection.tile.column)] += kConnectionWords;
  }
  const SiliconTimes& times = device_.silicon.times;
  const auto most = static_cast<double>(*std::max_element(words.begin(), words.end()));
  return static_cast<std::uint64_t>(times.reconfigure_fixed) +
         static_cast<std::uint64_t>(std::ceil(most / times.reconfigure_words_per_cycle));
}

std::uint32_t Engine::memory_of(const Dma& dma, const Descriptor& descriptor) const {
  const TileId tile = dma.program->tile;
  if (descriptor.memory == MemoryOf::ddr) {
    if (tile.kind != TileKind::shim || descriptor.ddr_buffer >= program_.ddr.size()) return kNone;
    return static_cast<std::uint32_t>(grid_.tiles() + descriptor.ddr_buffer);
  }
  if (tile.kind == TileKind::shim) return kNone;
  if (descriptor.memory == MemoryOf::own) return dma.tile;
  if (tile.kind != TileKind::memtile) return kNone;
  const auto neighbour = grid_.neighbour(
      tile, descriptor.memory == MemoryOf::west ? Port::Kind::west : Port::Kind::east);
  return neighbour ? grid_.index(*neighbour) : kNone;
}

void Engine::prepare_transfer(const Dma& dma, Transfer& transfer) {
  const Descriptor& descriptor = *transfer.source;
  const auto id = static_cast<std::uint32_t>(&dma - dmas_.data());
  const std::string defect = layout_defect(descriptor);
  if (!defect.empty()) {
    fail(FaultKind::malformed,
         fmt::format("{} descriptor {} {}", name(id), dma.descriptor, defect));
  }
  transfer.memory = memory_of(dma, descriptor);
  if (transfer.memory == kNone) {
    fail(FaultKind::malformed, fmt::format("{} descriptor {} addresses a memory that is not there",
                                           name(id), dma.descriptor));
  }
  const bool reads = dma.channel->direction == Direction::mm2s;
  if (!reads && descriptor.memory == MemoryOf::ddr) {
    const DdrBuffer& buffer = program_.ddr[descriptor.ddr_buffer];
    if (buffer.kind == DdrBuffer::Kind::weights || buffer.kind == DdrBuffer::Kind::input) {
      fail(FaultKind::malformed, fmt::format("{} descriptor {} writes the read-only buffer {}",
                                             name(id), dma.descriptor, buffer.name));
    }
  }
  transfer.words = stream_words(descriptor);
  if (!reads && transfer.words != descriptor.words) {
    fail(FaultKind::malformed,
         fmt::format("{} descriptor {} pads what it receives", name(id), dma.descriptor));
  }
  if (descriptor.compress &&
      (descriptor.memory == MemoryOf::ddr || transfer.words % kCompressedGroup != 0 ||
       transfer.words != descriptor.words)) {
    fail(FaultKind::malformed,
         fmt::format(
             "{} descriptor {} compresses what cannot be: DDR, padding, or parts of {} words",
             name(id), dma.descriptor, kCompressedGroup));
  }
  if (reads && descriptor.memory == MemoryOf::ddr) {
    const auto run = static_cast<double>(contiguous_words(descriptor) * 4);
    transfer.dram_factor = std::max(1.0, device_.silicon.times.dram_burst_bytes / run);
  }
  if (transfer.memory < tile_ids_.size() && tile_ids_[transfer.memory].kind == TileKind::memtile) {
    constexpr std::uint64_t kWords = 4;  // of an access
    const std::uint64_t run = contiguous_words(descriptor);
    transfer.bank_accesses =
        static_cast<std::uint32_t>(descriptor.words / run * ((run + kWords - 1) / kWords));
  }
  const WordRange range = touched_range(descriptor);
  const auto start = static_cast<std::int64_t>(descriptor.address / 4);
  transfer.lowest = start + range.lowest;
  transfer.highest = start + range.highest;
  if (options_.functional) {
    transfer.pieces = static_cast<std::uint32_t>(layouts_.size());
    layouts_.push_back(pieces_of(descriptor));
  }
}

}  // namespace wbs::aie
