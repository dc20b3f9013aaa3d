// Streams: a source and all its receivers meet, and words move.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "aie_model/machine/engine.hpp"

namespace wbs::aie {
namespace {

constexpr std::uint64_t kShimChunkWords = 1024;

}  // namespace

// A source's run is ready: finds its way and gets into the queues of the ports it shares.
void Engine::offer(std::uint32_t source) {
  Dma& dma = dmas_[source];
  const auto packet = std::max<std::int16_t>(dma.transfer->source->packet, -1);
  dma.stream = kNone;
  for (std::uint32_t i = 0; i < dma.streams; ++i) {
    if (streams_[dma.first_stream + i].packet == packet) dma.stream = dma.first_stream + i;
  }
  if (dma.stream == kNone) fail_route(source, "does not exist");
  const Stream& stream = streams_[dma.stream];
  const Route& route = routes_->all()[stream.route];
  if (!route.defect.empty()) fail_route(source, route.defect);
  if (stream.ends != route.ends.size()) fail_route(source, "ends at a DMA channel without tasks");
  dma.header = packet >= 0;
  dma.granted = packet < 0;
  if (packet < 0) {
    try_move(source);
  } else {
    win_ports(source);
  }
}

void Engine::fail_route(std::uint32_t source, const std::string& defect) const {
  const std::int16_t packet = dmas_[source].transfer->source->packet;
  const std::string what = packet < 0 ? "" : fmt::format(" for packet {}", packet);
  fail(FaultKind::malformed, fmt::format("the route of {}{} {}", name(source), what, defect));
}

// All ports of a packet are asked for at once, so the queues agree on who was first.
void Engine::win_ports(std::uint32_t source) {
  Stream& stream = streams_[dmas_[source].stream];
  stream.ports_to_win = 0;
  for (std::uint32_t i = 0; i < stream.ports; ++i) {
    std::vector<std::uint32_t>& queue = port_queues_[stream_ports_[stream.first_port + i]];
    if (!queue.empty()) ++stream.ports_to_win;
    queue.push_back(source);
  }
  if (stream.ports_to_win == 0) grant(source);
}

void Engine::give_ports(std::uint32_t source) {
  const Stream& stream = streams_[dmas_[source].stream];
  for (std::uint32_t i = 0; i < stream.ports; ++i) {
    std::vector<std::uint32_t>& queue = port_queues_[stream_ports_[stream.first_port + i]];
    queue.erase(queue.begin());
    if (queue.empty()) continue;
    Stream& next = streams_[dmas_[queue.front()].stream];
    if (--next.ports_to_win == 0) grant(queue.front());
  }
}

void Engine::grant(std::uint32_t source) {
  Dma& dma = dmas_[source];
  const Stream& stream = streams_[dma.stream];
  dma.granted = true;
  for (std::uint32_t i = 0; i < stream.ends; ++i) {
    const std::uint32_t id = ends_[stream.first_end + i].dma;
    Dma& receiver = dmas_[id];
    receiver.feeder = source;
    if (receiver.state != Dma::State::waits_for_packet) continue;
    receiver.descriptor = dma.transfer->source->target;
    begin_run(id);
  }
  try_move(source);
}

std::uint64_t Engine::stream_cycles(std::uint64_t words) const {
  const double rate = device_.silicon.times.words_per_cycle;
  if (rate == 1.0) return words;
  return static_cast<std::uint64_t>(std::ceil(static_cast<double>(words) / rate));
}

// When external memory has served a request, behind all that asked before in the same direction.
std::uint64_t Engine::dram_serve(bool writes, double bytes) {
  const double cycles = bytes / device_.silicon.dram_bytes_per_cycle;
  double& free = dram_free_[writes ? 1 : 0];
  free = std::max(free, static_cast<double>(now_)) + cycles;
  dram_busy_[writes ? 1 : 0] += cycles;
  return static_cast<std::uint64_t>(std::ceil(free));
}

// When external memory has served this chunk.
std::uint64_t Engine::dram_ready(const Stream& stream, const Dma& source, std::uint64_t words) {
  StepTime& time = result_.steps.back();
  const std::uint64_t bytes = words * 4;
  std::uint64_t written = 0;
  for (std::uint32_t i = 0; i < stream.ends; ++i) {
    const Dma& receiver = dmas_[ends_[stream.first_end + i].dma];
    if (receiver.program->tile.kind == TileKind::shim) written += bytes;
  }
  const bool reads = source.program->tile.kind == TileKind::shim;
  if (reads) time.ddr_read_bytes += bytes;
  time.ddr_write_bytes += written;
  if (device_.silicon.dram_bytes_per_cycle <= 0.0) return 0;
  std::uint64_t ready = 0;
  if (reads) ready = dram_serve(false, static_cast<double>(bytes) * source.transfer->dram_factor);
  if (written > 0) ready = std::max(ready, dram_serve(true, static_cast<double>(written)));
  return ready;
}

void Engine::try_move(std::uint32_t source) {
  Dma& dma = dmas_[source];
  if (dma.state != Dma::State::active || !dma.granted) return;
  const Stream& stream = streams_[dma.stream];
  std::uint64_t words = dma.words - dma.moved;
  bool external = dma.program->tile.kind == TileKind::shim;
  for (std::uint32_t i = 0; i < stream.ends; ++i) {
    Dma& receiver = dmas_[ends_[stream.first_end + i].dma];
    if (receiver.state != Dma::State::active || receiver.feeder != source) return;
    expect_words(receiver, dma);
    words = std::min(words, receiver.words - receiver.moved);
    external = external || receiver.program->tile.kind == TileKind::shim;
  }
  if (external) words = std::min(words, kShimChunkWords);
  const std::uint64_t cycles = stream_cycles(words + (dma.header ? 1 : 0));
  std::uint64_t end = now_ + cycles;
  if (external) end = std::max(end, dram_ready(stream, dma, words));
  dma.header = false;
  dma.chunk = static_cast<std::uint32_t>(words);
  dma.chunk_cycles = cycles;
  dma.state = Dma::State::moves;
  events_.push(end, Event::Kind::chunk, source);
}

void Engine::finish_chunk(std::uint32_t source) {
  Dma& dma = dmas_[source];
  const Stream stream = streams_[dma.stream];
  if (options_.functional) carry(source);
  dma.moved += dma.chunk;
  dma.carried += dma.chunk;
  dma.busy += dma.chunk_cycles;
  result_.steps.back().link_bytes += std::uint64_t{dma.chunk} * 4 * stream.links;
  const bool ended = dma.moved == dma.words;
  const bool packet = stream.packet >= 0;
  if (ended && packet) {
    for (std::uint32_t i = 0; i < stream.ends; ++i) {
      dmas_[ends_[stream.first_end + i].dma].feeder = kNone;
    }
  }
  for (std::uint32_t i = 0; i < stream.ends; ++i) {
    const StreamEnd& end = ends_[stream.first_end + i];
    Dma& receiver = dmas_[end.dma];
    receiver.moved += dma.chunk;
    receiver.carried += dma.chunk;
    receiver.busy += dma.chunk_cycles;
    const bool complete = receiver.moved == receiver.words;
    if (receiver.channel->out_of_order && complete != ended) {
      fail(
          FaultKind::malformed,
          fmt::format("{} takes a packet of {} words from {} with descriptor {} of {} words",
                      name(end.dma), dma.words, name(source), receiver.descriptor, receiver.words));
    }
    if (complete) finish_receive(end.dma, end.latency);
  }
  if (!ended) {
    dma.state = Dma::State::active;
    try_move(source);
    return;
  }
  if (packet) give_ports(source);
  finish_send(source);
}

void Engine::carry(std::uint32_t source) {
  const Dma& dma = dmas_[source];
  const Stream& stream = streams_[dma.stream];
  if (clocks_.of(source)[source] + 2 >= 1U << Memory::kClockBits) {
    fail(FaultKind::malformed, fmt::format("{} has too many runs in one step", name(source)));
  }
  if (dma.transfer->source->compress) {
    const auto first = dma.squeezed.begin() + static_cast<std::ptrdiff_t>(dma.moved);
    words_.assign(first, first + dma.chunk);
  } else {
    gather(source, dma.chunk);
  }
  for (std::uint32_t i = 0; i < stream.ends; ++i) {
    const std::uint32_t receiver = ends_[stream.first_end + i].dma;
    clocks_.learn(receiver, source);
    if (dmas_[receiver].transfer->source->compress) {
      decompress_chunk(receiver, words_);
    } else {
      scatter(receiver, words_);
    }
  }
  clocks_.tick(source);
}

void Engine::gather(std::uint32_t source, std::uint32_t words) {
  Dma& dma = dmas_[source];
  Memory& memory = memories_[dma.transfer->memory];
  const std::vector<Piece>& pieces = layouts_[dma.transfer->pieces];
  const std::uint8_t* bytes = memory.bytes().data();
  words_.resize(words);
  for (std::uint32_t done = 0; done < words;) {
    const Piece& piece = pieces[dma.piece];
    const std::uint32_t count = std::min(words - done, piece.count - dma.in_piece);
    std::uint32_t* to = words_.data() + done;
    if (piece.zero) {
      std::memset(to, 0, std::size_t{count} * 4);
    } else {
      const std::int64_t first = dma.base + piece.offset + piece.stride * dma.in_piece;
      const WordRun run{
          .first = static_cast<std::uint64_t>(first), .stride = piece.stride, .count = count};
      if (auto conflict = memory.note_read(run, accessor(source))) {
        fail_access(source, dma.transfer->memory, *conflict, false);
      }
      const std::uint8_t* from = bytes + first * 4;
      if (piece.stride == 1) {
        std::memcpy(to, from, std::size_t{count} * 4);
      } else {
        for (std::uint32_t i = 0; i < count; ++i)
          std::memcpy(to + i, from + piece.stride * 4 * i, 4);
      }
    }
    done += count;
    dma.in_piece += count;
    if (dma.in_piece < piece.count) break;
    dma.in_piece = 0;
    ++dma.piece;
  }
}

void Engine::scatter(std::uint32_t receiver, std::span<const std::uint32_t> words) {
  Dma& dma = dmas_[receiver];
  Memory& memory = memories_[dma.transfer->memory];
  const std::vector<Piece>& pieces = layouts_[dma.transfer->pieces];
  std::uint8_t* bytes = memory.writable_bytes().data();
  for (std::uint32_t done = 0; done < words.size();) {
    const Piece& piece = pieces[dma.piece];
    const std::uint32_t count =
        std::min(static_cast<std::uint32_t>(words.size()) - done, piece.count - dma.in_piece);
    const std::uint32_t* from = words.data() + done;
    const std::int64_t first = dma.base + piece.offset + piece.stride * dma.in_piece;
    const WordRun run{
        .first = static_cast<std::uint64_t>(first), .stride = piece.stride, .count = count};
    if (auto conflict = memory.note_write(run, accessor(receiver))) {
      fail_access(receiver, dma.transfer->memory, *conflict, true);
    }
    std::uint8_t* to = bytes + first * 4;
    if (piece.stride == 1) {
      std::memcpy(to, from, std::size_t{count} * 4);
    } else {
      for (std::uint32_t i = 0; i < count; ++i) std::memcpy(to + piece.stride * 4 * i, from + i, 4);
    }
    done += count;
    dma.in_piece += count;
    if (dma.in_piece < piece.count) break;
    dma.in_piece = 0;
    ++dma.piece;
  }
}

}  // namespace wbs::aie
