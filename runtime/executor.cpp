#include "runtime/executor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kernels/buffer.hpp"
#include "networks/fold.hpp"
#include "networks/shape_inference.hpp"
#include "runtime/lowering.hpp"
#include "runtime/step_builder.hpp"
#include "runtime/steps.hpp"

namespace wbs::runtime {
namespace {

using networks::Graph;
using networks::Node;
using networks::Op;

bool has_batch_norms(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [](const Node& node) { return node.op == Op::batch_norm; });
}

Graph prepared(const Graph& graph, std::int64_t batch) {
  Graph result = networks::remove_identities(graph);
  Shape input = result.nodes[0].attributes.shape;
  if (batch > 0 && !input.empty()) input[0] = batch;
  networks::infer_shapes(result, input);
  return result;
}

void check_masks(const Graph& graph, const Masks& masks) {
  for (const auto& [name, mask] : masks) {
    const auto node = networks::find_node(graph, name);
    if (!node || !graph.nodes[*node].weight_shapes.contains("weight")) {
      throw Error(ErrorKind::input, fmt::format("network '{}': there is a mask for '{}', which is "
                                                "no layer with weights",
                                                graph.name, name));
    }
    const Shape& shape = graph.nodes[*node].weight_shapes.at("weight");
    if (mask.shape() != shape) {
      throw Error(
          ErrorKind::input,
          fmt::format("network '{}': the mask of '{}' is {}, its weights are {}", graph.name, name,
                      wbs::to_string(mask.shape()), wbs::to_string(shape)));
    }
  }
}

void check_options(const Graph& graph, const ExecutorOptions& options) {
  if (options.threads < 1) {
    throw Error(ErrorKind::usage, fmt::format("{} threads: expected at least 1", options.threads));
  }
  if (options.element == kernels::Element::u8 && options.quantisation == nullptr) {
    throw Error(ErrorKind::input,
                fmt::format("network '{}': int8 needs the scales of its activations (calibrate it)",
                            graph.name));
  }
  if (options.batch_norms != BatchNorms::folded && options.element != kernels::Element::f32) {
    throw Error(ErrorKind::unsupported, "statistics of batch norms are collected in fp32 only");
  }
}

}  // namespace

struct Executor::State {
  Program program;
  BuiltSteps built;
  MemoryUse memory;
  kernels::Buffer arena;
  int threads = 1;

  void run_step(std::size_t index, const Spaces& spaces) const {
    std::visit([&](const auto& step) { step.run(spaces, threads); }, built.steps[index]);
  }
};

Executor::Executor(const Graph& graph, const networks::Weights& weights, const Masks& masks,
                   const ExecutorOptions& options)
    : state_(std::make_unique<State>()) {
  Graph lowered = prepared(graph, options.batch);
  networks::check_weights(lowered, weights);
  check_masks(lowered, masks);
  check_options(lowered, options);
  const networks::Weights* values = &weights;
  networks::Weights folded;
  if (has_batch_norms(lowered) && options.batch_norms == BatchNorms::folded) {
    folded = weights;
    networks::fold_batch_norms(lowered, folded);
    values = &folded;
  }
  state_->threads = options.threads;
  state_->program = lower(lowered, {options.element, options.quantisation});
  state_->built = build_steps(state_->program, *values, masks, options);
  const MemoryPlan& plan = state_->built.memory;
  state_->memory = {plan.activation_bytes, plan.scratch_bytes, plan.arena_bytes,
                    state_->built.weight_bytes};
  state_->arena = kernels::Buffer(static_cast<std::size_t>(plan.arena_bytes));
}

Executor::~Executor() = default;
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;

void Executor::run(const float* input, float* output) {
  const Spaces spaces{state_->arena.data(), input, output};
  for (std::size_t i = 0; i < state_->built.steps.size(); ++i) state_->run_step(i, spaces);
}

void Executor::run(const float* input, float* output, const StepObserver& observer) {
  const Spaces spaces{state_->arena.data(), input, output};
  const Program& program = state_->program;
  StepInfo image;
  image.name = program.values[program.input].name;
  image.operation = networks::op_name(Op::input);
  observer({image, program.values[program.input], input});
  for (std::size_t i = 0; i < state_->built.steps.size(); ++i) {
    state_->run_step(i, spaces);
    const ValueId value = program.steps[i].output;
    observer({state_->built.infos[i], program.values[value],
              spaces.read(state_->built.memory.values[value])});
  }
}

Tensor Executor::run(const Tensor& input) {
  if (input.shape != input_shape() ||
      element_count(input.shape) != static_cast<std::int64_t>(input.values.size())) {
    throw Error(ErrorKind::input,
                fmt::format("network '{}' was planned for an input of {}, not {}",
                            state_->program.graph.name, wbs::to_string(input_shape()),
                            wbs::to_string(input.shape)));
  }
  Tensor output(output_shape());
  run(input.values.data(), output.values.data());
  return output;
}

const Shape& Executor::input_shape() const noexcept {
  return state_->program.values[state_->program.input].shape;
}
const Shape& Executor::output_shape() const noexcept {
  return state_->program.values[state_->program.output].shape;
}
const MemoryUse& Executor::memory() const noexcept {
  return state_->memory;
}
const std::vector<StepInfo>& Executor::steps() const noexcept {
  return state_->built.infos;
}
const Program& Executor::program() const noexcept {
  return state_->program;
}

std::map<std::string, ChannelStatistics> Executor::statistics() const {
  std::map<std::string, ChannelStatistics> result;
  for (std::size_t i = 0; i < state_->built.steps.size(); ++i) {
    const auto* step = std::get_if<BatchStatisticsStep>(&state_->built.steps[i]);
    if (step == nullptr) continue;
    const networks::NodeIndex node = state_->program.steps[i].node;
    result[state_->program.graph.nodes[node].name] = step->norm->statistics();
  }
  return result;
}

}  // namespace wbs::runtime
