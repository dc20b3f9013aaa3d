#include "harness/durations.hpp"

#include "harness/values.hpp"

namespace wbs::harness {

std::uint32_t DurationModel::group(const std::string& name) {
  const auto next = static_cast<std::uint32_t>(groups_.size());
  const auto [entry, added] = group_numbers_.emplace(name, next);
  if (added) groups_.emplace_back();
  return entry->second;
}

void DurationModel::add(const std::string& stage, const Values& parameters) {
  std::vector<std::uint32_t>& groups = task_groups_.emplace_back();
  groups.push_back(group(stage));
  for (const auto& [name, value] : parameters) {
    groups.push_back(group(stage + '\n' + name + '\n' + to_text(value)));
  }
}

void DurationModel::observe(std::size_t task, double seconds) {
  ++observations_;
  for (const std::uint32_t number : task_groups_[task]) {
    groups_[number].sum += seconds;
    ++groups_[number].count;
  }
}

bool DurationModel::known(std::size_t task) const {
  return groups_[task_groups_[task].front()].count > 0;
}

double DurationModel::expect(std::size_t task) const {
  if (!known(task)) return 1.0;
  double sum = 0.0;
  int seen = 0;
  for (const std::uint32_t number : task_groups_[task]) {
    const Mean& mean = groups_[number];
    if (mean.count == 0) continue;
    sum += mean.sum / mean.count;
    ++seen;
  }
  return sum / seen;
}

}  // namespace wbs::harness
