#include "compiler/codegen/schedule.hpp"

#include <algorithm>

namespace wbs::compiler {
namespace {

bool touch(const NetworkPlan& plan, const Use& a, const Use& b) {
  if (a.ddr != b.ddr || (!a.write && !b.write)) return false;
  if (a.ddr) return a.id == b.id && a.begin < b.end && b.begin < a.end;
  const Region& ra = plan.regions[a.id];
  const Region& rb = plan.regions[b.id];
  return ra.address < rb.address + rb.bytes && rb.address < ra.address + ra.bytes;
}

bool conflict(const NetworkPlan& plan, const Phase& a, const Phase& b) {
  return std::any_of(a.uses.begin(), a.uses.end(), [&](const Use& use) {
    return std::any_of(b.uses.begin(), b.uses.end(),
                       [&](const Use& other) { return touch(plan, use, other); });
  });
}

}  // namespace

std::vector<std::vector<std::size_t>> schedule(const NetworkPlan& plan) {
  // A step has few descriptors per tile: this many moves of a kind at most.
  constexpr int kMoves = 4;
  std::vector<std::vector<std::size_t>> steps;
  std::vector<std::size_t> step_of(plan.phases.size());
  std::size_t next_compute = 0;
  for (std::size_t i = 0; i < plan.phases.size(); ++i) {
    const Phase& phase = plan.phases[i];
    const bool computes = phase.kind == Phase::Kind::compute || phase.kind == Phase::Kind::exchange;
    std::size_t step = computes ? next_compute : 0;
    for (std::size_t j = 0; j < i; ++j) {
      if (step_of[j] >= step && conflict(plan, plan.phases[j], phase)) step = step_of[j] + 1;
    }
    const auto full = [&](std::size_t candidate) {
      if (candidate >= steps.size() || steps[candidate].empty()) return false;
      std::int64_t descriptors = phase.shim_descriptors;
      for (const std::size_t j : steps[candidate]) descriptors += plan.phases[j].shim_descriptors;
      if (plan.shim_budget > 0 && descriptors > plan.shim_budget) return true;
      if (computes) return false;
      return std::count_if(steps[candidate].begin(), steps[candidate].end(), [&](std::size_t j) {
               return plan.phases[j].kind == phase.kind;
             }) >= kMoves;
    };
    while (full(step)) ++step;
    if (step >= steps.size()) steps.resize(step + 1);
    steps[step].push_back(i);
    step_of[i] = step;
    if (computes) next_compute = step + 1;
  }
  return steps;
}

}  // namespace wbs::compiler
