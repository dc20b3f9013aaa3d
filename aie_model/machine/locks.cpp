// Semaphores, and who waits for what when nothing can go on.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "aie_model/machine/engine.hpp"

namespace wbs::aie {

bool Engine::acquire(std::uint32_t actor, std::uint32_t lock, std::int32_t value) {
  LockState& state = locks_[lock];
  if (state.value >= value) {
    state.value -= value;
    if (options_.functional) clocks_.acquire(actor, lock);
    return true;
  }
  waits_[actor] = {.lock = lock, .value = value};
  if (state.first == kNone) {
    state.first = actor;
  } else {
    waits_[state.last].next = actor;
  }
  state.last = actor;
  return false;
}

void Engine::release_from(std::uint32_t actor, std::uint32_t lock, std::int32_t value) {
  if (options_.functional) {
    clocks_.release(actor, lock);
    clocks_.tick(actor);
  }
  release(lock, value);
}

void Engine::release(std::uint32_t lock, std::int32_t value) {
  LockState& state = locks_[lock];
  state.value += value;
  std::uint32_t before = kNone;
  for (std::uint32_t actor = state.first; actor != kNone;) {
    LockWait& wait = waits_[actor];
    const std::uint32_t next = wait.next;
    if (state.value >= wait.value) {
      state.value -= wait.value;
      if (options_.functional) clocks_.acquire(actor, lock);
      (before == kNone ? state.first : waits_[before].next) = next;
      if (state.last == actor) state.last = before;
      wait = {};
      ready_.push_back(actor);
    } else {
      before = actor;
    }
    actor = next;
  }
  // Every tile's locks have the same range.
  if (state.value > device_.silicon.memtile.max_lock) {
    fail(FaultKind::malformed, fmt::format("a lock is raised to {}, above its range", state.value));
  }
}

std::string Engine::name(std::uint32_t actor) const {
  if (actor >= dmas_.size()) return to_string(cores_[actor - dmas_.size()].program->tile);
  const Dma& dma = dmas_[actor];
  return fmt::format("{} {} {}", to_string(dma.program->tile),
                     dma.channel->direction == Direction::mm2s ? "mm2s" : "s2mm",
                     dma.channel->index);
}

std::string Engine::lock_wait(std::uint32_t actor, std::uint32_t lock_base) const {
  const LockWait& wait = waits_[actor];
  return fmt::format("{} waits for lock {} >= {} (is {})", name(actor), wait.lock - lock_base,
                     wait.value, locks_[wait.lock].value);
}

std::string Engine::waits_for(std::uint32_t actor) const {
  if (actor >= dmas_.size()) {
    const Core& core = cores_[actor - dmas_.size()];
    if (core.state != Core::State::waits_for_lock) return {};
    return lock_wait(actor, core.lock_base);
  }
  const Dma& dma = dmas_[actor];
  const bool receiver = dma.channel->direction == Direction::s2mm;
  switch (dma.state) {
    case Dma::State::waits_for_lock:
      return lock_wait(actor, dma.transfer->lock_base);
    case Dma::State::waits_for_packet:
      return fmt::format("{} waits for a packet", name(actor));
    case Dma::State::active:
      break;
    default:
      return {};
  }
  if (receiver) {
    const std::string from = dma.feeder == kNone ? "any sender" : name(dma.feeder);
    return fmt::format("{} has {} of {} words and waits for {}", name(actor), dma.moved, dma.words,
                       from);
  }
  const Stream& stream = streams_[dma.stream];
  if (!dma.granted) return fmt::format("{} waits for a shared port", name(actor));
  for (std::uint32_t i = 0; i < stream.ends; ++i) {
    const std::uint32_t end = ends_[stream.first_end + i].dma;
    if (dmas_[end].state == Dma::State::active && dmas_[end].feeder == actor) continue;
    return fmt::format("{} waits for receiver {}", name(actor), name(end));
  }
  return {};
}

std::string Engine::deadlock() const {
  constexpr std::size_t kListed = 8;
  std::vector<std::string> waits;
  std::size_t hidden = 0;
  const auto actors = static_cast<std::uint32_t>(waits_.size());
  for (std::uint32_t i = 0; i < actors; ++i) {
    // Cores first: they say most.
    const std::uint32_t actor = (i + static_cast<std::uint32_t>(dmas_.size())) % actors;
    std::string wait = waits_for(actor);
    if (wait.empty()) continue;
    if (waits.size() < kListed) {
      waits.push_back(std::move(wait));
    } else {
      ++hidden;
    }
  }
  std::string message = fmt::format("{}", fmt::join(waits, "; "));
  if (hidden > 0) message += fmt::format("; and {} more", hidden);
  return message;
}

}  // namespace wbs::aie
