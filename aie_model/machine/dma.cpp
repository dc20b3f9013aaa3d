// DMA channels: tasks, chains, and the life of one descriptor run.
#include <fmt/format.h>

#include "aie_model/machine/engine.hpp"

namespace wbs::aie {

// Moves on to the next round or task; false when there is none.
bool Engine::next_task(Dma& dma) {
  const std::vector<Task>& tasks = dma.channel->tasks;
  dma.chain = 0;
  ++dma.repeats;
  while (dma.task < tasks.size() && dma.repeats > tasks[dma.task].repeat) {
    ++dma.task;
    dma.repeats = 1;
    dma.fresh_task = true;
  }
  return dma.task < tasks.size();
}

void Engine::next_run(std::uint32_t id) {
  Dma& dma = dmas_[id];
  const std::int32_t next =
      dma.descriptor < 0 || dma.channel->out_of_order
          ? -1
          : dma.program->descriptors[static_cast<std::size_t>(dma.descriptor)].next;
  if (next >= 0) {
    dma.descriptor = next;
    if (++dma.chain >= dma.program->descriptors.size()) {
      fail(FaultKind::malformed, fmt::format("{} has a chain that never ends", name(id)));
    }
  } else {
    if (!next_task(dma)) {
      dma.state = Dma::State::done;
      --unfinished_;
      return;
    }
    dma.descriptor = dma.channel->tasks[dma.task].descriptor;
    if (dma.channel->out_of_order) {
      dma.state = Dma::State::waits_for_packet;
      if (dma.feeder != kNone) {
        dma.descriptor = dmas_[dma.feeder].transfer->source->target;
        begin_run(id);
      }
      return;
    }
  }
  begin_run(id);
}

void Engine::begin_run(std::uint32_t id) {
  Dma& dma = dmas_[id];
  if (dma.descriptor < 0 ||
      static_cast<std::size_t>(dma.descriptor) >= dma.program->descriptors.size()) {
    fail(FaultKind::malformed, fmt::format("{} is asked for descriptor {}, which does not exist",
                                           name(id), dma.descriptor));
  }
  Transfer& transfer = transfers_[dma.first_transfer + static_cast<std::uint32_t>(dma.descriptor)];
  if (transfer.memory == kNone) prepare_transfer(dma, transfer);
  dma.transfer = &transfer;
  const Descriptor& descriptor = *transfer.source;
  const std::int64_t shift =
      std::int64_t{descriptor.iteration.stride} * (transfer.runs % descriptor.iteration.count);
  const std::uint32_t run = transfer.runs++;
  const auto limit = static_cast<std::int64_t>(memory_bytes_[transfer.memory] / 4);
  if (transfer.lowest + shift < 0 || transfer.highest + shift >= limit) {
    fail(FaultKind::out_of_range,
         fmt::format("{} descriptor {} touches words {} to {} of {}, which has {}", name(id),
                     dma.descriptor, transfer.lowest + shift, transfer.highest + shift,
                     memory_name(transfer.memory), limit));
  }
  dma.base = static_cast<std::int64_t>(descriptor.address / 4) + shift;
  dma.words = descriptor.compress ? stream_words(descriptor, run) : transfer.words;
  dma.moved = 0;
  dma.piece = 0;
  dma.in_piece = 0;
  dma.state = Dma::State::waits_for_lock;
  const LockUse& use = descriptor.acquire;
  if (use.lock >= 0 &&
      !acquire(id, transfer.lock_base + static_cast<std::uint32_t>(use.lock), use.value)) {
    return;
  }
  start_task(id);
}

// The lock is held; pays for the task where it is the task's first run.
void Engine::start_task(std::uint32_t id) {
  Dma& dma = dmas_[id];
  const bool pays = dma.fresh_task && dma.program->tile.kind == TileKind::shim;
  dma.fresh_task = false;
  if (!pays) {
    activate(id);
    return;
  }
  const SiliconTimes& times = device_.silicon.times;
  const bool reads = dma.channel->direction == Direction::mm2s;
  std::int32_t cost = reads ? times.shim_mm2s_task : times.shim_s2mm_task;
  const std::uint32_t key = dma.tile << 9U | (reads ? 0U : 256U) | dma.channel->index;
  if (warm_channels_.insert(key).second) {
    cost = std::max(cost, reads ? times.shim_mm2s_cold : times.shim_s2mm_cold);
  }
  dma.state = Dma::State::starts;
  events_.push(now_ + static_cast<std::uint64_t>(cost), Event::Kind::ready, id);
}

void Engine::activate(std::uint32_t id) {
  Dma& dma = dmas_[id];
  dma.state = Dma::State::active;
  dma.began = now_;
  if (dma.channel->direction == Direction::mm2s) {
    if (dma.transfer->source->compress) compress_run(id);
    offer(id);
  } else if (dma.feeder != kNone) {
    try_move(dma.feeder);
  }
}

// What a finished run leaves behind, its lock excepted.
void Engine::end_run(std::uint32_t id) {
  if (!options_.trace) return;
  const Dma& dma = dmas_[id];
  result_.activities.push_back({.tile = dma.program->tile,
                                .kind = dma.channel->direction == Direction::mm2s
                                            ? Activity::Kind::mm2s
                                            : Activity::Kind::s2mm,
                                .channel = dma.channel->index,
                                .step = step_,
                                .begin = dma.began,
                                .end = now_});
}

void Engine::finish_send(std::uint32_t id) {
  const Transfer& transfer = *dmas_[id].transfer;
  use_banks(transfer);
  end_run(id);
  const LockUse& use = transfer.source->release;
  if (use.lock >= 0) {
    release_from(id, transfer.lock_base + static_cast<std::uint32_t>(use.lock), use.value);
  }
  next_run(id);
}

void Engine::finish_receive(std::uint32_t id, std::uint32_t latency) {
  const Transfer& transfer = *dmas_[id].transfer;
  use_banks(transfer);
  end_run(id);
  step_end_ = std::max(step_end_, now_ + latency);
  const LockUse& use = transfer.source->release;
  if (use.lock >= 0) {
    if (free_late_.empty()) {
      free_late_.push_back(static_cast<std::uint32_t>(late_.size()));
      late_.emplace_back();
    }
    const std::uint32_t slot = free_late_.back();
    free_late_.pop_back();
    LateRelease& late = late_[slot];
    late.lock = transfer.lock_base + static_cast<std::uint32_t>(use.lock);
    late.value = use.value;
    if (options_.functional) {
      clocks_.copy(id, late.clock);
      clocks_.tick(id);
    }
    events_.push(now_ + latency, Event::Kind::release, slot);
  }
  next_run(id);
}

void Engine::release_late(std::uint32_t who) {
  const LateRelease& late = late_[who];
  if (options_.functional) clocks_.release(late.clock.data(), late.lock);
  const std::uint32_t lock = late.lock;
  const std::int32_t value = late.value;
  free_late_.push_back(who);
  release(lock, value);
}

}  // namespace wbs::aie
