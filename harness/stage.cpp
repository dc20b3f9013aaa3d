#include "harness/stage.hpp"

#include "core/error.hpp"

namespace wbs::harness {

void StageRegistry::add(std::unique_ptr<Stage> stage) {
  WBS_ASSERT(stage != nullptr);
  WBS_ASSERT(find(stage->name()) == nullptr);
  stages_.push_back(std::move(stage));
}

const Stage* StageRegistry::find(std::string_view name) const {
  for (const auto& stage : stages_) {
    if (stage->name() == name) return stage.get();
  }
  return nullptr;
}

std::vector<const Stage*> StageRegistry::all() const {
  std::vector<const Stage*> stages;
  stages.reserve(stages_.size());
  for (const auto& stage : stages_) stages.push_back(stage.get());
  return stages;
}

}  // namespace wbs::harness
