// Cores: their control programs, and what kernel calls do to memory.
#include <fmt/format.h>

#include "aie_model/kernels/kernel_model.hpp"
#include "aie_model/machine/engine.hpp"

namespace wbs::aie {
namespace {

constexpr std::uint64_t kLargestDebt = 16;

bool has_chunk(const KernelCall& call) {
  return call.kernel == Kernel::conv || call.kernel == Kernel::conv_sparse4;
}

// Begins, repeats or leaves a loop.
void turn(Core& core, const CoreOp& op) {
  if (op.kind == CoreOp::Kind::begin) {
    if (op.count == 0) {
      core.at = core.closing[core.at];
    } else {
      core.loops.push_back({.begin = core.at, .left = op.count});
    }
  } else if (--core.loops.back().left > 0) {
    core.at = core.loops.back().begin;
  } else {
    core.loops.pop_back();
  }
}

}  // namespace

// Executes instructions until one takes time or has to wait. Locks cost time, but only as a debt
// that the next call, or the end, pays: they take effect up to kLargestDebt cycles early.
void Engine::run_core(std::uint32_t actor) {
  Core& core = core_of(actor);
  const std::vector<CoreOp>& code = core.program->code;
  const auto lock_cost = static_cast<std::uint64_t>(device_.silicon.times.lock);
  while (core.at < code.size()) {
    const CoreOp& op = code[core.at];
    if (core.debt >= kLargestDebt) {
      core.state = Core::State::pays;
      events_.push(now_ + core.debt, Event::Kind::core, actor);
      core.debt = 0;
      return;
    }
    switch (op.kind) {
      case CoreOp::Kind::acquire:
        if (op.lock.lock < 0) break;
        if (!acquire(actor, core.lock_base + static_cast<std::uint32_t>(op.lock.lock),
                     op.lock.value)) {
          core.state = Core::State::waits_for_lock;
          core.since = now_;
          return;
        }
        core.debt += lock_cost;
        break;
      case CoreOp::Kind::release:
        if (op.lock.lock < 0) break;
        release_from(actor, core.lock_base + static_cast<std::uint32_t>(op.lock.lock),
                     op.lock.value);
        core.debt += lock_cost;
        break;
      case CoreOp::Kind::call:
        begin_call(actor);
        return;
      case CoreOp::Kind::advance:
        ++core.fillings[op.index];
        break;
      case CoreOp::Kind::begin:
      case CoreOp::Kind::end:
        turn(core, op);
        break;
    }
    ++core.at;
  }
  step_end_ = std::max(step_end_, now_ + core.debt);
  core.state = Core::State::done;
  --unfinished_;
}

// The lock it waited for is its own now. What it still owed passed while it waited.
void Engine::resume_core(std::uint32_t actor) {
  Core& core = core_of(actor);
  const std::uint64_t waited = now_ - core.since;
  core.debt -= std::min(core.debt, waited);
  core.debt += static_cast<std::uint64_t>(device_.silicon.times.lock);
  ++core.at;
  run_core(actor);
}

void Engine::finish_core_event(std::uint32_t actor) {
  Core& core = core_of(actor);
  if (core.state == Core::State::calls) {
    end_call(actor);
    ++core.at;
  }
  run_core(actor);
}

std::uint32_t Engine::resolve(const Core& core, const Operand& operand) const {
  if (operand.ring < 0) return operand.address;
  const auto index = static_cast<std::size_t>(operand.ring);
  if (index >= core.program->rings.size() || core.program->rings[index].slots == 0) {
    fail(FaultKind::malformed, fmt::format("{} calls with ring {}, which has no slots",
                                           to_string(core.program->tile), operand.ring));
  }
  const Ring& ring = core.program->rings[index];
  return ring.address + core.fillings[index] % ring.slots * ring.slot_bytes + operand.address;
}

std::uint32_t Engine::kept_of(const Core& core, const KernelCall& call) const {
  if (!has_chunk(call)) return 0;
  const auto index = static_cast<std::size_t>(call.weights.ring);
  if (call.weights.ring < 0 || index >= core.program->rings.size() ||
      core.program->rings[index].kept.empty()) {
    fail(FaultKind::malformed,
         fmt::format("{} call {} has weights without kept operands", to_string(core.program->tile),
                     core.program->code[core.at].index));
  }
  const std::vector<std::uint32_t>& kept = core.program->rings[index].kept;
  return kept[core.fillings[index] % kept.size()];
}

void Engine::begin_call(std::uint32_t actor) {
  Core& core = core_of(actor);
  const std::uint32_t index = core.program->code[core.at].index;
  const KernelCall& call = core.program->calls[index];
  const std::uint32_t kept = kept_of(core, call);
  Core::CallTime& time = core.times[index];
  if (time.kept != kept) {
    time = {.kept = kept,
            .parts = call_parts(call, kept, device_),
            .accesses = call_accesses(call, kept, device_),
            .banks = {}};
  }
  CallParts parts = time.parts;
  parts.conflicts = conflicts_of(core, call, time);
  core.call_begin = now_ + core.debt;
  core.debt = 0;
  core.busy += parts;
  core.state = Core::State::calls;
  events_.push(core.call_begin + parts.cycles(), Event::Kind::core, actor);
}

void Engine::end_call(std::uint32_t actor) {
  const Core& core = core_of(actor);
  const KernelCall& call = core.program->calls[core.program->code[core.at].index];
  if (options_.trace) {
    result_.activities.push_back({.tile = core.program->tile,
                                  .kind = Activity::Kind::kernel,
                                  .channel = 0,
                                  .step = step_,
                                  .begin = core.call_begin,
                                  .end = now_});
  }
  if (options_.functional) apply_call(actor, call);
}

void Engine::note_operand(std::uint32_t actor, std::uint64_t address, std::uint64_t bytes,
                          bool writes) {
  if (bytes == 0) return;
  const Core& core = core_of(actor);
  Memory& memory = memories_[core.tile];
  if (address % 4 != 0 || address + bytes > memory.size_bytes()) {
    fail(FaultKind::out_of_range, fmt::format("{} call {} touches bytes {} to {} of {}",
                                              name(actor), core.program->code[core.at].index,
                                              address, address + bytes, memory.size_bytes()));
  }
  const WordRun run{.first = address / 4, .stride = 1, .count = (bytes + 3) / 4};
  const auto conflict =
      writes ? memory.note_write(run, accessor(actor)) : memory.note_read(run, accessor(actor));
  if (conflict) fail_access(actor, core.tile, *conflict, writes);
}

void Engine::apply_call(std::uint32_t actor, const KernelCall& call) {
  const Core& core = core_of(actor);
  Memory& memory = memories_[core.tile];
  const ResolvedCall resolved{.call = &call,
                              .input = resolve(core, call.input),
                              .second = resolve(core, call.second),
                              .weights = resolve(core, call.weights),
                              .output = resolve(core, call.output)};
  const std::uint32_t kept = kept_of(core, call);
  const CallFootprint touched = footprint(call, kept);
  note_operand(actor, resolved.weights, touched.weights, false);
  if (has_chunk(call)) {
    const std::uint32_t found =
        kept_in_chunk(call, memory.bytes().subspan(resolved.weights, touched.weights));
    if (found != kept) {
      fail(FaultKind::malformed,
           fmt::format("{} call {} expects weights with {} kept operands; filling {} of ring {} "
                       "brought {}",
                       name(actor), core.program->code[core.at].index, kept,
                       core.fillings[static_cast<std::size_t>(call.weights.ring)],
                       call.weights.ring, found));
    }
  }
  note_operand(actor, resolved.input, touched.input, false);
  note_operand(actor, resolved.second, touched.second, false);
  if (!call.begin) note_operand(actor, call.accumulators, touched.accumulators, false);
  if (call.finish) {
    note_operand(actor, resolved.output, touched.output, true);
  } else {
    note_operand(actor, call.accumulators, touched.accumulators, true);
  }
  const std::string wrong = execute(resolved, memory.writable_bytes());
  if (!wrong.empty()) {
    fail(FaultKind::malformed,
         fmt::format("{} call {}: {}", name(actor), core.program->code[core.at].index, wrong));
  }
}

}  // namespace wbs::aie
