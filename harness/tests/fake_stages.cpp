#include "harness/tests/fake_stages.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "harness/posix_file.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

std::int64_t integer(const Values& values, const char* name) {
  return std::get<std::int64_t>(values.at(name));
}

class FakeStage : public Stage {
 public:
  FakeStage(std::string name, std::vector<std::string> inputs, bool exclusive)
      : name_(std::move(name)), inputs_(std::move(inputs)), exclusive_(exclusive) {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] int version() const override { return 1; }
  [[nodiscard]] std::vector<ParameterSpec> parameters() const override { return {}; }
  [[nodiscard]] std::vector<std::string> inputs() const override { return inputs_; }
  [[nodiscard]] Resources resources(const Values&) const override { return {1, 0, exclusive_}; }
  [[nodiscard]] std::vector<std::string> validate(
      const Values&, std::map<std::string, std::string>&) const override {
    return {};
  }

 private:
  std::string name_;
  std::vector<std::string> inputs_;
  bool exclusive_;
};

class Nothing final : public FakeStage {
 public:
  Nothing() : FakeStage("nothing", {}, false) {}
  [[nodiscard]] StageResult run(const StageRun& run) const override {
    return {{{"twice", 2 * integer(run.parameters, "n")}}, {}, {}};
  }
};

class Make final : public FakeStage {
 public:
  Make() : FakeStage("make", {}, false) {}
  [[nodiscard]] StageResult run(const StageRun& run) const override {
    const std::int64_t n = integer(run.parameters, "n");
    const auto bytes = static_cast<std::size_t>(integer(run.parameters, "bytes"));
    std::string contents(bytes, static_cast<char>('a' + n % 26));
    const std::string head = fmt::format("n={};", n);
    contents.replace(0, std::min(head.size(), bytes), head.substr(0, bytes));
    std::ofstream(run.output_path, std::ios::binary) << contents;
    return {{{"size", static_cast<std::int64_t>(bytes)}},
            {{{"row", std::int64_t{0}}, {"half", 0.5 * static_cast<double>(n)}}},
            {}};
  }
};

[[noreturn]] void wait_forever() {
  for (;;) ::pause();
}

/// Dies by SIGSEGV, also where a sanitizer has its own handler.
void crash() {
  ::signal(SIGSEGV, SIG_DFL);
  ::raise(SIGSEGV);
}

/// Ends as `mode` says, or returns.
void misbehave(const std::string& mode) {
  if (mode == "bytes") throw Error(ErrorKind::input, "not \xff\xfe UTF-8");
  if (mode == "throw") throw Error(ErrorKind::input, "asked to throw");
  if (mode == "unsupported") throw Error(ErrorKind::unsupported, "asked to refuse");
  if (mode == "segfault") crash();
  if (mode == "abort") std::abort();
  if (mode == "exit") std::_Exit(9);
  if (mode == "hang") wait_forever();
  if (mode == "sleep") ::usleep(100'000);
  if (mode == "memory") throw std::bad_alloc();
  if (mode == "kill_rank") {
    ::kill(::getppid(), SIGKILL);
    wait_forever();
  }
  if (mode == "print") {
    std::cout << "standard output of a stage\n";
    std::cerr << "standard error of a stage\n";
  }
}

/// Crashes at the first try: the marker file is the memory.
void crash_once(const Values& parameters) {
  const std::string marker = std::get<std::string>(parameters.at("marker"));
  if (file_size_or_missing(marker) >= 0) return;
  std::ofstream(marker) << "tried\n";
  crash();
}

class Use final : public FakeStage {
 public:
  Use(const char* name, bool exclusive) : FakeStage(name, {"make"}, exclusive) {}
  [[nodiscard]] StageResult run(const StageRun& run) const override {
    const std::string mode = std::get<std::string>(run.parameters.at("mode"));
    misbehave(mode);
    if (mode == "flaky") crash_once(run.parameters);
    StageResult result;
    if (const auto input = run.inputs.find("make"); input != run.inputs.end()) {
      const std::string contents = read_file(input->second);
      result.metrics["digest"] = digest_of(contents);
      result.metrics["time_s"] = 1.0 / static_cast<double>(contents.size() + 1);
    }
    if (mode == "nan") result.metrics["loss"] = std::numeric_limits<double>::quiet_NaN();
    if (mode == "bytes_metric") result.metrics["text"] = std::string("not \xff UTF-8");
    if (mode == "warn") result.warnings.emplace_back("asked to warn");
    return result;
  }
};

}  // namespace

void add_fake_stages(StageRegistry& registry) {
  registry.add(std::make_unique<Nothing>());
  registry.add(std::make_unique<Make>());
  registry.add(std::make_unique<Use>("use", false));
  registry.add(std::make_unique<Use>("measure", true));
}

std::size_t add_task(Plan& plan, const std::string& stage, Values parameters,
                     const std::vector<std::size_t>& inputs) {
  Digester digester;
  digester.add(stage);
  for (const auto& [name, value] : parameters) digester.add(name).add(to_text(value));
  for (const std::size_t input : inputs) digester.add(plan.tasks[input].key);
  plan.tasks.push_back({digester.hex(), stage, std::move(parameters), {}, inputs});
  return plan.tasks.size() - 1;
}

Plan fake_plan(int count, const std::vector<std::string>& modes, std::int64_t bytes) {
  Plan plan;
  plan.experiment = "fake";
  plan.identity = "fake-1";
  plan.identity_parts = {{"experiment", "fake"}, {"code", "1"}};
  for (int n = 0; n < count; ++n) {
    const Values own = {{"n", std::int64_t{n}}, {"bytes", bytes}};
    const std::size_t make = add_task(plan, "make", own, {});
    for (const std::string& mode : modes) {
      Values parameters = own;
      parameters["mode"] = mode;
      parameters["pattern"] = mode == "pass" ? "dense" : "block:8x8@0.5";
      const bool exclusive = mode == "exclusive";
      const std::size_t use = add_task(plan, exclusive ? "measure" : "use", parameters, {make});
      plan.cases.push_back({fmt::format("n={} mode={}", n, mode), parameters, {make, use}});
    }
  }
  return plan;
}

Plan trivial_plan(int count) {
  Plan plan;
  plan.experiment = "trivial";
  plan.identity = "trivial-1";
  for (int n = 0; n < count; ++n) {
    const Values parameters = {{"n", std::int64_t{n}}};
    const std::size_t task = add_task(plan, "nothing", parameters, {});
    plan.cases.push_back({fmt::format("n={}", n), parameters, {task}});
  }
  return plan;
}

}  // namespace wbs::harness
