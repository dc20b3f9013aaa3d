// Stages of a made-up experiment: they bake cakes, so no test depends on what a real stage does.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/outcome.hpp"
#include "harness/plan.hpp"
#include "harness/stage.hpp"

namespace wbs::harness {

class ToyStage : public Stage {
 public:
  ToyStage(std::string name, std::vector<ParameterSpec> parameters, std::vector<std::string> inputs)
      : name_(std::move(name)), parameters_(std::move(parameters)), inputs_(std::move(inputs)) {}

  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] int version() const override { return version_; }
  [[nodiscard]] std::vector<ParameterSpec> parameters() const override { return parameters_; }
  [[nodiscard]] std::vector<std::string> inputs() const override { return inputs_; }
  [[nodiscard]] Resources resources(const Values&) const override { return {}; }
  /// Refuses the flour "sand", at its parameter, and an oven of 900 degrees, quoting the value.
  /// A recipe file's digest is the file's name without its directory.
  [[nodiscard]] std::vector<std::string> validate(
      const Values& parameters, std::map<std::string, std::string>& digests) const override {
    std::vector<std::string> reasons;
    const auto text = [&](const std::string& name) {
      const auto found = parameters.find(name);
      const auto* held =
          found == parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
      return held == nullptr ? std::string{} : *held;
    };
    if (text("flour") == "sand") reasons.emplace_back("flour: sand is no flour; known: rye, wheat");
    if (text("oven") == "900C") reasons.emplace_back("no oven reaches 900C");
    if (const std::string recipe = text("recipe"); !recipe.empty()) {
      digests["recipe"] = recipe.substr(recipe.rfind('/') + 1);
    }
    return reasons;
  }
  [[nodiscard]] StageResult run(const StageRun&) const override { return {}; }

  void set_version(int version) { version_ = version; }

 private:
  std::string name_;
  std::vector<ParameterSpec> parameters_;
  std::vector<std::string> inputs_;
  int version_ = 1;
};

/// mix(flour, ratio, seed, recipe) -> bake(flour, oven) -> taste(), each reading the one before.
inline StageRegistry toy_registry(int mix_version = 1) {
  StageRegistry registry;
  auto mix = std::make_unique<ToyStage>(
      "mix",
      std::vector<ParameterSpec>{{"flour", ValueType::text, std::string(), "kind of flour", true},
                                 {"ratio", ValueType::number, 0.0, "share of rye", false},
                                 {"seed", ValueType::integer, std::int64_t{1}, "seed", false},
                                 {"recipe", ValueType::text, std::string(), "a file", false}},
      std::vector<std::string>{});
  mix->set_version(mix_version);
  registry.add(std::move(mix));
  registry.add(std::make_unique<ToyStage>(
      "bake",
      std::vector<ParameterSpec>{
          {"flour", ValueType::text, std::string(), "kind of flour", true},
          {"oven", ValueType::text, std::string("200C"), "temperature", false}},
      std::vector<std::string>{"mix"}));
  registry.add(std::make_unique<ToyStage>("taste", std::vector<ParameterSpec>{},
                                          std::vector<std::string>{"bake"}));
  return registry;
}

}  // namespace wbs::harness
