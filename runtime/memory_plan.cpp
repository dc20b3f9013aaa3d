#include "runtime/memory_plan.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "core/error.hpp"

namespace wbs::runtime {
namespace {

constexpr std::int64_t kLine = 64;
constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

/// A value inside another one's memory.
struct Parent {
  ValueId value;
  std::int64_t offset;
};

bool overlap_in_time(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

class Planner {
 public:
  Planner(const Program& program, std::span<const std::int64_t> scratch_bytes)
      : program_(program),
        scratch_bytes_(scratch_bytes),
        written_(program.values.size(), kNever),
        read_(program.values.size(), 0),
        holds_parts_(program.values.size(), false),
        parents_(program.values.size()) {}

  MemoryPlan all() {
    find_lifetimes();
    MemoryPlan plan;
    plan.copied.resize(program_.steps.size());
    for (std::size_t step = 0; step < program_.steps.size(); ++step) {
      if (program_.steps[step].kind == StepKind::concat) plan.copied[step] = place_parts(step);
    }
    for (std::size_t step = 0; step < program_.steps.size(); ++step) reuse_operand(step);
    place_all(plan);
    return plan;
  }

 private:
  void find_lifetimes() {
    for (std::size_t step = 0; step < program_.steps.size(); ++step) {
      const ProgramStep& s = program_.steps[step];
      written_[s.output] = step;
      read_[s.output] = std::max(read_[s.output], step);
      for (const ValueId input : s.inputs) {
        if (input != kConstant) read_[input] = step;
      }
      if (s.residual) read_[*s.residual] = step;
    }
  }

  [[nodiscard]] bool external(ValueId value) const {
    return value == program_.input || value == program_.output;
  }

  /// Decides which inputs of a concatenation lie in it; returns the others.
  std::vector<std::size_t> place_parts(std::size_t step) {
    const ProgramStep& s = program_.steps[step];
    const Value& whole = program_.values[s.output];
    const std::int64_t group = kernels::channels_per_word(whole.planes->element);
    std::vector<std::size_t> copied;
    std::int64_t first = 0;
    for (std::size_t part = 0; part < s.inputs.size(); ++part) {
      const ValueId input = s.inputs[part];
      const Value& value = program_.values[input];
      const std::int64_t channels = value.planes->channels;
      const bool whole_words =
          first % group == 0 && (channels % group == 0 || part + 1 == s.inputs.size());
      if (whole_words && !parents_[input] && !external(input) && value.quant == whole.quant) {
        parents_[input] = Parent{s.output, whole.planes->channel_offset(first)};
        holds_parts_[s.output] = true;
      } else {
        copied.push_back(part);
      }
      first += channels;
    }
    return copied;
  }

  /// Lets a sum overwrite an operand that nobody reads later. A convolution's own input is no such
  /// operand: other pixels still need it.
  void reuse_operand(std::size_t step) {
    const ProgramStep& s = program_.steps[step];
    std::vector<ValueId> operands;
    if (s.kind == StepKind::conv && s.residual) operands.push_back(*s.residual);
    if (s.kind == StepKind::add || s.kind == StepKind::affine) operands = s.inputs;
    if (parents_[s.output] || external(s.output)) return;
    for (const ValueId operand : operands) {
      const bool also_convolved =
          s.kind == StepKind::conv && root_of(s.inputs[0]) == root_of(operand);
      if (external(operand) || read_[operand] != step || part_of_whole(operand) ||
          holds_parts_[operand] || also_convolved ||
          size_bytes(program_.values[operand]) != size_bytes(program_.values[s.output])) {
        continue;
      }
      parents_[s.output] = Parent{operand, 0};
      return;
    }
  }

  [[nodiscard]] ValueId root_of(ValueId value) const {
    while (parents_[value]) value = parents_[value]->value;
    return value;
  }

  /// Whether the memory of `value` belongs to a concatenation.
  [[nodiscard]] bool part_of_whole(ValueId value) const {
    while (parents_[value]) {
      value = parents_[value]->value;
      if (holds_parts_[value]) return true;
    }
    return false;
  }

  void place_all(MemoryPlan& plan) {
    const std::size_t values = program_.values.size();
    std::vector<Lifetime> blocks(values + program_.steps.size());
    for (ValueId value = 0; value < values; ++value) {
      if (written_[value] == kNever || external(value)) continue;
      Lifetime& block = blocks[root_of(value)];
      const bool fresh = block.bytes == 0;
      block.bytes = std::max(block.bytes, size_bytes(program_.values[root_of(value)]));
      block.first = fresh ? written_[value] : std::min(block.first, written_[value]);
      block.last = fresh ? read_[value] : std::max(block.last, read_[value]);
    }
    for (std::size_t step = 0; step < program_.steps.size(); ++step) {
      blocks[values + step] = {scratch_bytes_[step], step, step};
    }
    const Packing packing = pack_lifetimes(blocks);
    for (ValueId value = 0; value < values; ++value) {
      Place place;
      if (value == program_.input) place.space = Space::input;
      if (value == program_.output) place.space = Space::output;
      ValueId root = value;
      for (; parents_[root]; root = parents_[root]->value) place.offset += parents_[root]->offset;
      if (place.space == Space::arena) place.offset += packing.offsets[root];
      plan.values.push_back(place);
    }
    plan.scratch.assign(packing.offsets.begin() + static_cast<std::ptrdiff_t>(values),
                        packing.offsets.end());
    plan.arena_bytes = packing.bytes;
    for (std::size_t step = 0; step < program_.steps.size(); ++step) {
      std::int64_t live = 0;
      for (ValueId value = 0; value < values; ++value) {
        const Lifetime& block = blocks[value];
        if (block.bytes > 0 && block.first <= step && step <= block.last) live += block.bytes;
      }
      plan.activation_bytes = std::max(plan.activation_bytes, live);
      plan.scratch_bytes = std::max(plan.scratch_bytes, scratch_bytes_[step]);
    }
  }

  const Program& program_;
  std::span<const std::int64_t> scratch_bytes_;
  std::vector<std::size_t> written_;  // step that writes the value
  std::vector<std::size_t> read_;     // last step that reads it
  std::vector<bool> holds_parts_;     // concatenations with parts written in place
  std::vector<std::optional<Parent>> parents_;
};

}  // namespace

Packing pack_lifetimes(std::span<const Lifetime> lifetimes) {
  Packing packing;
  packing.offsets.assign(lifetimes.size(), 0);
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return lifetimes[a].bytes > lifetimes[b].bytes;
  });
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t block : order) {
    if (lifetimes[block].bytes <= 0) continue;
    const std::int64_t needed = (lifetimes[block].bytes + kLine - 1) / kLine * kLine;
    std::int64_t end = 0;
    std::int64_t best = -1;
    std::int64_t best_gap = std::numeric_limits<std::int64_t>::max();
    for (const std::size_t other : placed) {
      if (!overlap_in_time(lifetimes[block], lifetimes[other])) continue;
      const std::int64_t gap = packing.offsets[other] - end;
      if (gap >= needed && gap < best_gap) {
        best = end;
        best_gap = gap;
      }
      const std::int64_t size = (lifetimes[other].bytes + kLine - 1) / kLine * kLine;
      end = std::max(end, packing.offsets[other] + size);
    }
    packing.offsets[block] = best >= 0 ? best : end;
    packing.bytes = std::max(packing.bytes, packing.offsets[block] + needed);
    const auto position = std::upper_bound(
        placed.begin(), placed.end(), block,
        [&](std::size_t a, std::size_t b) { return packing.offsets[a] < packing.offsets[b]; });
    placed.insert(position, block);
  }
  return packing;
}

std::int64_t size_bytes(const Value& value) {
  return value.planes ? value.planes->size_bytes()
                      : element_count(value.shape) * static_cast<std::int64_t>(sizeof(float));
}

MemoryPlan plan_memory(const Program& program, std::span<const std::int64_t> scratch_bytes) {
  WBS_ASSERT(scratch_bytes.size() == program.steps.size());
  return Planner(program, scratch_bytes).all();
}

}  // namespace wbs::runtime
