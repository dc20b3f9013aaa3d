#include "harness/experiment.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

namespace wbs::harness {

std::string to_string(const Location& where) {
  if (where.line == 0) return where.source;
  return fmt::format("{}:{}:{}", where.source, where.line, where.column);
}

ExperimentErrors::ExperimentErrors(std::vector<std::string> errors)
    : Error(ErrorKind::usage, fmt::format("{}", fmt::join(errors, "\n"))),
      errors_(std::move(errors)) {}

void ErrorList::add(const Location& where, std::string message) {
  if (!seen_.insert(to_string(where) + '\n' + message).second) return;
  entries_.push_back({where, std::move(message)});
}

std::vector<std::string> ErrorList::lines() const {
  std::vector<const Entry*> sorted;
  sorted.reserve(entries_.size());
  for (const Entry& entry : entries_) sorted.push_back(&entry);
  const auto rank = [](const Entry* entry) {
    const Location& where = entry->where;
    return std::make_tuple(where.line == 0, where.line, where.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Entry* left, const Entry* right) { return rank(left) < rank(right); });
  std::vector<std::string> lines;
  lines.reserve(sorted.size());
  for (const Entry* entry : sorted) {
    lines.push_back(fmt::format("{}: {}", to_string(entry->where), entry->message));
  }
  return lines;
}

void ErrorList::raise_if_any() const {
  if (!empty()) throw ExperimentErrors(lines());
}

std::vector<CaptionPart> parse_caption(std::string_view caption) {
  std::vector<CaptionPart> parts;
  std::string plain;
  for (std::size_t i = 0; i < caption.size(); ++i) {
    const bool doubled = i + 1 < caption.size() && caption[i + 1] == caption[i];
    const std::size_t close = caption.find('}', i);
    if ((caption[i] == '{' || caption[i] == '}') && doubled) {
      plain += caption[i++];
    } else if (caption[i] == '{' && close != std::string_view::npos) {
      parts.push_back({false, std::move(plain)});
      plain.clear();
      parts.push_back({true, std::string(caption.substr(i + 1, close - i - 1))});
      i = close;
    } else {
      plain += caption[i];
    }
  }
  parts.push_back({false, std::move(plain)});
  return parts;
}

const ParameterSpec* find_parameter(const std::vector<ParameterSpec>& specs,
                                    std::string_view parameter) noexcept {
  for (const ParameterSpec& spec : specs) {
    if (spec.name == parameter) return &spec;
  }
  return nullptr;
}

std::vector<ParameterSpec> declared_parameters(const Experiment& experiment,
                                               const StageRegistry& registry) {
  std::vector<ParameterSpec> specs;
  for (const LocatedName& name : experiment.stages) {
    const Stage* stage = registry.find(name.name);
    if (stage == nullptr) continue;
    for (ParameterSpec& spec : stage->parameters()) {
      if (find_parameter(specs, spec.name) == nullptr) specs.push_back(std::move(spec));
    }
  }
  return specs;
}

std::vector<std::string> known_parameters(const Experiment& experiment,
                                          const StageRegistry& registry) {
  std::vector<std::string> names;
  for (const ParameterSpec& spec : declared_parameters(experiment, registry)) {
    names.push_back(spec.name);
  }
  for (const std::string& label : experiment.labels) {
    if (std::find(names.begin(), names.end(), label) == names.end()) names.push_back(label);
  }
  return names;
}

}  // namespace wbs::harness
