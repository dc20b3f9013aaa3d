// Google Benchmark of the micro-kernels: every implementation that runs here, on layers that stay
// in the caches, so that what is seen is the kernel. Native JSON: --benchmark_format=json.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "kernels/measure/own.hpp"
#include "kernels/measure/problem.hpp"
#include "kernels/peak.hpp"

namespace wbs::kernels {
namespace {

struct Case {
  const char* name;
  std::int64_t channels, extent, kernel;
};

constexpr Case kCases[] = {
    {"1x1_128x28", 128, 28, 1}, {"1x1_256x14", 256, 14, 1}, {"3x3_64x14", 64, 14, 3}};
constexpr const char* kPatterns[] = {"dense",         "block:8x8@0.5",   "block:8x8@0.75",
                                     "block:4x4@0.5", "block:16x16@0.5", "nm:2:4/in"};
constexpr Element kElements[] = {Element::f32, Element::bf16, Element::u8};

measure::LayerRequest layer_of(const Case& which, Element element) {
  measure::LayerRequest request;
  request.name = which.name;
  request.element = element;
  request.low = 0.0F;
  ConvShape& s = request.shape;
  s.in_channels = s.out_channels = which.channels;
  s.height = s.width = which.extent;
  s.kernel = {which.kernel, which.kernel};
  s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = which.kernel / 2;
  return request;
}

/// One layer on one implementation; counts useful operations and their share of the peak.
void run_layer(benchmark::State& state, const Case& which, Element element,
               const std::string& pattern, const std::string& implementation) {
  measure::MaskChoice choice;
  choice.pattern = value_or_throw(sparsity::parse_pattern(pattern));
  const auto problem = measure::make_problem(layer_of(which, element), choice);
  auto own = measure::make_own(problem->problem, {}, {"direct", implementation});
  if (!own) {
    state.SkipWithError(own.error().c_str());
    return;
  }
  for (auto _ : state) (*own)->run(0);
  const double operations =
      2.0 * static_cast<double>(problem->problem.layer.shape.macs()) * problem->density;
  const double total = operations * static_cast<double>(state.iterations());
  state.counters["ops"] = benchmark::Counter(total, benchmark::Counter::kIsRate);
  state.counters["of_peak"] =
      benchmark::Counter(total / measure_peak(element).ops_per_s, benchmark::Counter::kIsRate);
  state.SetLabel((*own)->info().implementation);
}

void register_all() {
  for (const ImplementationInfo& info : list_implementations()) {
    if (!info.refusal.empty() || info.name == "reference") continue;
    for (const Element element : kElements) {
      if (to_string(element) != info.element) continue;
      for (const Case& which : kCases) {
        for (const char* pattern : kPatterns) {
          const std::string implementation(info.name);
          const std::string name =
              std::string(info.element) + "/" + implementation + "/" + which.name + "/" + pattern;
          benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
            run_layer(state, which, element, pattern, implementation);
          });
        }
      }
    }
  }
}

}  // namespace
}  // namespace wbs::kernels

int main(int argc, char** argv) {
  wbs::kernels::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
