#include "harness/expand.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unordered_map>

#include "core/digest.hpp"
#include "core/text.hpp"
#include "harness/expand_check.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

constexpr std::size_t kMostCases = 1'000'000;

/// A stage of the experiment with what expansion needs to know about it.
struct StageUse {
  const Stage* stage;
  Location where;
  std::vector<ParameterSpec> specs;
  std::vector<std::size_t> inputs;  ///< positions of earlier stages of the experiment
};

std::vector<StageUse> stage_uses(const Experiment& experiment, const StageRegistry& registry) {
  std::vector<StageUse> uses;
  for (const LocatedName& name : experiment.stages) {
    const Stage* stage = registry.find(name.name);
    WBS_ASSERT(stage != nullptr);
    StageUse use{stage, name.where, stage->parameters(), {}};
    for (const std::string& input : stage->inputs()) {
      for (std::size_t earlier = 0; earlier < uses.size(); ++earlier) {
        if (uses[earlier].stage->name() == input) use.inputs.push_back(earlier);
      }
    }
    uses.push_back(std::move(use));
  }
  return uses;
}

/// A name that reads back unambiguously: values with blanks are quoted.
std::string case_name(const Experiment& experiment, const Values& parameters) {
  std::string name;
  for (const std::string& parameter : experiment.case_names) {
    const std::string text = to_text(parameters.at(parameter));
    const bool quote = text.empty() || text.find_first_of(" \t\"") != std::string::npos;
    name += fmt::format("{}{}={}", name.empty() ? "" : " ", parameter,
                        quote ? fmt::format("\"{}\"", text) : text);
  }
  return name.empty() ? experiment.name : name;
}

class Expander {
 public:
  Expander(const Experiment& experiment, const StageRegistry& registry, const PlanContext& context,
           ErrorList& errors)
      : experiment_(experiment),
        context_(context),
        errors_(errors),
        uses_(stage_uses(experiment, registry)),
        excluded_(experiment.exclusions.size(), 0) {}

  Plan run() {
    const bool sound = errors_.empty();
    set_base();
    plan_.experiment = experiment_.name;
    if (!count_is_sane()) return std::move(plan_);
    std::vector<std::size_t> point(experiment_.axes.size(), 0);
    do {
      add_case(point);
    } while (advance(point));
    if (sound) check_exclusions();
    set_identity();
    return std::move(plan_);
  }

 private:
  /// Defaults of the stages, then the fixed values; reports required parameters without a value.
  void set_base() {
    for (const StageUse& use : uses_) {
      for (const ParameterSpec& spec : use.specs) base_.emplace(spec.name, spec.default_value);
    }
    for (const FixedParameter& fixed : experiment_.fixed) {
      base_[fixed.name.name] = fixed.value.value;
      places_[fixed.name.name] = fixed.value.where;
    }
    for (const Axis& axis : experiment_.axes) {
      for (const LocatedName& name : axis.names) places_[name.name] = name.where;
    }
    for (const StageUse& use : uses_) {
      for (const ParameterSpec& spec : use.specs) {
        if (!spec.required || places_.contains(spec.name)) continue;
        const std::vector<std::string>& refused = experiment_.refused;
        if (std::find(refused.begin(), refused.end(), spec.name) != refused.end()) continue;
        errors_.add(use.where,
                    fmt::format("stage '{}' needs parameter '{}' ({}): give it a value in "
                                "[parameters] or [matrix]",
                                use.stage->name(), spec.name, spec.help));
      }
    }
  }

  [[nodiscard]] bool count_is_sane() {
    std::size_t count = 1;
    for (const Axis& axis : experiment_.axes) {
      if (axis.points.empty()) return false;
      count *= axis.points.size();
      if (count > kMostCases) {
        errors_.add(axis.names.front().where,
                    fmt::format("the axes up to '{}' already make more than {} cases",
                                axis.names.front().name, kMostCases));
        return false;
      }
    }
    return true;
  }

  /// The next point, last axis fastest; false after the last.
  [[nodiscard]] bool advance(std::vector<std::size_t>& point) const {
    for (std::size_t axis = point.size(); axis-- > 0;) {
      if (++point[axis] < experiment_.axes[axis].points.size()) return true;
      point[axis] = 0;
    }
    return false;
  }

  void add_case(const std::vector<std::size_t>& point) {
    Case added;
    added.parameters = base_;
    for (std::size_t axis = 0; axis < point.size(); ++axis) {
      const Axis& names = experiment_.axes[axis];
      for (std::size_t i = 0; i < names.names.size(); ++i) {
        added.parameters[names.names[i].name] = names.points[point[axis]][i].value;
      }
    }
    for (std::size_t i = 0; i < experiment_.exclusions.size(); ++i) {
      if (!experiment_.exclusions[i].filter.matches(added.parameters)) continue;
      ++excluded_[i];
      return;
    }
    added.name = case_name(experiment_, added.parameters);
    for (std::size_t position = 0; position < uses_.size(); ++position) {
      added.tasks.push_back(find_or_add_task(position, added, point));
    }
    plan_.cases.push_back(std::move(added));
  }

  [[nodiscard]] std::size_t find_or_add_task(std::size_t position, const Case& owner,
                                             const std::vector<std::size_t>& point) {
    const StageUse& use = uses_[position];
    std::string signature = fmt::format("{}", position);
    for (const std::size_t input : use.inputs) {
      signature += fmt::format("\x1f#{}", owner.tasks[input]);
    }
    for (const ParameterSpec& spec : use.specs) {
      signature += '\x1f';
      signature += to_text(owner.parameters.at(spec.name));
    }
    const auto known = by_signature_.find(signature);
    if (known != by_signature_.end()) return known->second;
    const std::size_t task = add_task(use, owner, point);
    by_signature_.emplace(std::move(signature), task);
    return task;
  }

  [[nodiscard]] std::size_t add_task(const StageUse& use, const Case& owner,
                                     const std::vector<std::size_t>& point) {
    Task task;
    task.stage = use.stage->name();
    for (const ParameterSpec& spec : use.specs) {
      const Value& value = owner.parameters.at(spec.name);
      task.parameters[spec.name] = coerce(value, spec.type).value_or(spec.default_value);
    }
    for (const std::size_t input : use.inputs) task.inputs.push_back(owner.tasks[input]);
    const std::vector<std::string> reasons =
        use.stage->validate(task.parameters, task.data_digests);
    if (!reasons.empty()) {
      const std::map<std::string, Location> places = places_at(point);
      for (const std::string& reason : reasons) {
        errors_.add(place_of_reason(reason, task.parameters, places, use.where), reason);
      }
    }
    task.key = key_of(use, task);
    // Files with the same contents under two names: one execution.
    const auto [same, is_new] = by_key_.emplace(task.key, plan_.tasks.size());
    if (is_new) plan_.tasks.push_back(std::move(task));
    return same->second;
  }

  [[nodiscard]] std::string key_of(const StageUse& use, const Task& task) const {
    Digester digester;
    digester.add(task.stage).add(fmt::format("{}", use.stage->version()));
    digester.add(context_.tool_chain_id);
    for (const auto& [name, value] : task.parameters) {
      if (task.data_digests.contains(name)) continue;
      digester.add(name).add(fmt::format("{}", value.index())).add(to_text(value));
    }
    for (const auto& [name, digest] : task.data_digests) digester.add(name).add(digest);
    for (const std::size_t input : task.inputs) digester.add(plan_.tasks[input].key);
    return digester.hex();
  }

  [[nodiscard]] std::map<std::string, Location> places_at(
      const std::vector<std::size_t>& point) const {
    std::map<std::string, Location> places = places_;
    for (std::size_t axis = 0; axis < point.size(); ++axis) {
      const Axis& names = experiment_.axes[axis];
      for (std::size_t i = 0; i < names.names.size(); ++i) {
        places[names.names[i].name] = names.points[point[axis]][i].where;
      }
    }
    return places;
  }

  void check_exclusions() {
    if (plan_.cases.empty()) {
      errors_.add(experiment_.exclusions.front().where, "[[exclude]] leaves no case");
    }
    // With --set the remaining cases may miss an exclusion that the file needs.
    if (!experiment_.overrides.empty()) return;
    for (std::size_t i = 0; i < excluded_.size(); ++i) {
      if (excluded_[i] == 0) {
        errors_.add(experiment_.exclusions[i].where, "this [[exclude]] matches no further case");
      }
    }
  }

  void set_identity() {
    std::map<std::string, std::string>& parts = plan_.identity_parts;
    parts = identity_parts(experiment_, base_);
    for (const StageUse& use : uses_) {
      parts[fmt::format("stage.{}", use.stage->name())] =
          fmt::format("version {}", use.stage->version());
    }
    for (const Task& task : plan_.tasks) {
      for (const auto& [name, digest] : task.data_digests) {
        const auto path = task.parameters.find(name);
        parts[fmt::format("data.{}={}", name,
                          path == task.parameters.end() ? "" : to_text(path->second))] = digest;
      }
    }
    parts["code"] = context_.code_id;
    parts["tool_chain"] = context_.tool_chain_id;
    Digester digester;
    for (const auto& [name, value] : parts) digester.add(name).add(value);
    plan_.identity = digester.hex();
  }

  const Experiment& experiment_;
  const PlanContext& context_;
  ErrorList& errors_;
  std::vector<StageUse> uses_;
  std::vector<std::size_t> excluded_;  // cases that each exclusion left out
  Values base_;
  std::map<std::string, Location> places_;
  std::unordered_map<std::string, std::size_t> by_signature_;
  std::unordered_map<std::string, std::size_t> by_key_;
  Plan plan_;
};

std::string read_text_file(const std::string& path) {
  const auto refuse = [&](int error) {
    throw Error(ErrorKind::input,
                fmt::format("cannot read experiment file '{}': {}", path, std::strerror(error)));
  };
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) refuse(errno);
  std::string text;
  std::array<char, 65536> block{};
  std::size_t count = block.size();
  int error = 0;
  while (count == block.size() && error == 0) {
    count = std::fread(block.data(), 1, block.size(), file);
    // Directories open but do not read: the error shows only here.
    if (std::ferror(file) != 0) error = errno;
    text.append(block.data(), count);
  }
  std::fclose(file);
  if (error != 0) refuse(error);
  return text;
}

}  // namespace

Plan expand(const Experiment& experiment, const StageRegistry& registry, const PlanContext& context,
            ErrorList& errors) {
  return Expander(experiment, registry, context, errors).run();
}

PreparedExperiment prepare_experiment_text(std::string_view text, const std::string& source_name,
                                           const std::vector<std::string>& overrides,
                                           const StageRegistry& registry,
                                           const PlanContext& context) {
  ErrorList errors;
  PreparedExperiment prepared;
  prepared.experiment = read_experiment(text, source_name, overrides, registry, errors);
  if (!prepared.experiment.stages.empty()) {
    prepared.plan = expand(prepared.experiment, registry, context, errors);
  }
  if (errors.empty()) check_tables(prepared.experiment, prepared.plan, errors);
  errors.raise_if_any();
  return prepared;
}

PreparedExperiment prepare_experiment(const std::string& path,
                                      const std::vector<std::string>& overrides,
                                      const StageRegistry& registry, const PlanContext& context) {
  return prepare_experiment_text(read_text_file(path), path, overrides, registry, context);
}

Plan select_cases(const Plan& plan, const std::vector<std::string>& filters) {
  if (filters.empty() || plan.cases.empty()) return plan;
  std::vector<std::string> known;
  for (const auto& [name, value] : plan.cases.front().parameters) known.push_back(name);
  std::vector<Filter> parsed;
  for (const std::string& text : filters) {
    Result<Filter> filter = parse_filter(text, known);
    if (!filter) throw Error(ErrorKind::usage, fmt::format("--only: {}", filter.error()));
    parsed.push_back(*std::move(filter));
  }
  Plan selected;
  selected.experiment = plan.experiment;
  selected.identity = plan.identity;
  selected.identity_parts = plan.identity_parts;
  std::vector<const Case*> cases;
  std::vector<bool> needed(plan.tasks.size(), false);
  for (const Case& candidate : plan.cases) {
    if (std::none_of(parsed.begin(), parsed.end(),
                     [&](const Filter& filter) { return filter.matches(candidate.parameters); })) {
      continue;
    }
    cases.push_back(&candidate);
    for (const std::size_t task : candidate.tasks) needed[task] = true;
  }
  if (cases.empty()) {
    throw Error(ErrorKind::usage, fmt::format("--only {} selects none of the {} cases (the first "
                                              "is '{}')",
                                              fmt::join(filters, " --only "), plan.cases.size(),
                                              plan.cases.front().name));
  }
  std::vector<std::size_t> moved(plan.tasks.size(), 0);
  for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
    if (!needed[task]) continue;
    moved[task] = selected.tasks.size();
    selected.tasks.push_back(plan.tasks[task]);
    for (std::size_t& input : selected.tasks.back().inputs) input = moved[input];
  }
  for (const Case* kept : cases) {
    selected.cases.push_back(*kept);
    for (std::size_t& task : selected.cases.back().tasks) task = moved[task];
  }
  return selected;
}

}  // namespace wbs::harness
