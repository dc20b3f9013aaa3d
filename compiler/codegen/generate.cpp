#include "compiler/codegen/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "compiler/codegen/emit.hpp"
#include "compiler/codegen/plan.hpp"
#include "compiler/codegen/schedule.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using aie::Program;
using networks::Int8Network;

aie::TensorShape tensor_shape(const networks::Int8Shape& shape) {
  return {shape.channels, shape.rows, shape.columns, shape.is_unsigned, shape.exponent};
}

/// A DDR buffer for every storage and one for all weights.
EmitContext make_buffers(const Int8Network& network, const NetworkPlan& plan, Program& program) {
  EmitContext context;
  const std::size_t input = plan.layout.places.front().storage;
  const std::size_t output = plan.layout.places[network.output].storage;
  for (std::size_t i = 0; i < plan.layout.storages.size(); ++i) {
    const Storage& storage = plan.layout.storages[i];
    context.buffers.push_back(static_cast<std::uint16_t>(program.ddr.size()));
    if (plan.resident[i]) {
      context.buffers.back() = 0;
      continue;
    }
    aie::DdrBuffer& buffer = program.ddr.emplace_back();
    buffer.name = storage.name;
    buffer.size_bytes = static_cast<std::uint64_t>(storage.bytes());
    if (i == input) buffer.kind = aie::DdrBuffer::Kind::input;
    if (i == output) buffer.kind = aie::DdrBuffer::Kind::output;
  }
  program.input_buffer = context.buffers[input];
  program.output_buffer = context.buffers[output];
  context.weights_buffer = static_cast<std::uint16_t>(program.ddr.size());
  aie::DdrBuffer& weights = program.ddr.emplace_back();
  weights.name = "weights";
  weights.kind = aie::DdrBuffer::Kind::weights;
  return context;
}

std::string step_name(const Int8Network& network, const NetworkPlan& plan,
                      const std::vector<std::size_t>& phases) {
  std::string name;
  for (const std::size_t index : phases) {
    const Phase& phase = plan.phases[index];
    const LayerPlan& layer = plan.layers[phase.layer];
    const std::string& node = network.operations[layer.operation].name;
    if (!name.empty()) name += "; ";
    switch (phase.kind) {
      case Phase::Kind::load:
        name += fmt::format("load for {}", node);
        break;
      case Phase::Kind::store:
        name += fmt::format("store {}", node);
        break;
      case Phase::Kind::preload:
        name += fmt::format("weights for {}", node);
        break;
      case Phase::Kind::exchange:
        name += fmt::format("exchange rows for {}", node);
        break;
      case Phase::Kind::compute:
        name += fmt::format("{} strip {} chunk {}", node, phase.index, phase.chunk);
        break;
    }
  }
  return name;
}

/// The layer that computes, else the one that is moved for.
std::uint32_t layer_of(const NetworkPlan& plan, const std::vector<std::size_t>& phases) {
  for (const std::size_t index : phases) {
    if (plan.phases[index].kind == Phase::Kind::compute) {
      return static_cast<std::uint32_t>(plan.phases[index].layer);
    }
  }
  return static_cast<std::uint32_t>(plan.phases[phases.front()].layer);
}

aie::ProgramLayer describe_layer(const Int8Network& network, const LayerPlan& layer) {
  const networks::Int8Op& op = network.operations[layer.operation];
  aie::ProgramLayer described;
  described.name = op.name;
  described.operation = std::string(networks::to_string(op.kind));
  described.macs = op.macs;
  described.kept_macs =
      static_cast<std::int64_t>(static_cast<double>(op.macs) * layer.shape.density);
  described.output = tensor_shape(op.output);
  return described;
}

/// Notes where the results of a step lie.
void add_parts(const EmitContext& context, const Phase& phase, std::uint32_t step,
               Program& program) {
  const NetworkPlan& plan = *context.plan;
  const LayerPlan& layer = plan.layers[phase.layer];
  const Place& place = plan.layout.places[layer.operation];
  const std::int64_t base = place.block;
  aie::ProgramLayer& described = program.layers[phase.layer];
  if (phase.kind == Phase::Kind::store) {
    const Storage& storage = plan.layout.storages[phase.strip.storage];
    aie::TensorPart part;
    part.step = step;
    part.tile = shim_tile(0);
    part.ddr_buffer = context.buffers[phase.strip.storage];
    part.address = static_cast<std::uint64_t>(base * storage.block_bytes());
    part.blocks = layer.shape.out_blocks;
    part.rows = layer.shape.out_rows;
    part.stored_rows = storage.rows;
    part.first_row = place.row;
    if (phase.index + 1 >= layer.pieces.strips) described.parts = {part};
    return;
  }
  const bool last = phase.kind == Phase::Kind::compute && phase.index + 1 == layer.pieces.strips &&
                    phase.chunk + phase.chunks >= layer.pieces.chunks &&
                    phase.x_tile + phase.x_tiles >= layer.pieces.x_tiles;
  if (!last || !plan.resident[phase.output.storage]) return;
  for (std::int64_t column = 0; column < context.device->columns; ++column) {
    aie::TensorPart part;
    part.step = step;
    part.tile = mem_tile(column);
    part.block = 0;
    part.blocks = layer.shape.out_blocks;
    part.row = strip_first_row(layer, column, 0);
    part.rows = layer.pieces.column_rows;
    part.stored_rows = phase.output.stored_rows;
    part.first_row = part.row - phase.output.row[static_cast<std::size_t>(column)];
    part.address = strip_address(plan, phase.output, column, base,
                                 phase.output.row[static_cast<std::size_t>(column)]);
    described.parts.push_back(part);
  }
}

void emit(const EmitContext& context, const Phase& phase, StepBuilder& step) {
  try {
    switch (phase.kind) {
      case Phase::Kind::load:
        emit_load(context, phase, step);
        break;
      case Phase::Kind::store:
        emit_store(context, phase, step);
        break;
      case Phase::Kind::exchange:
        emit_exchange(context, phase, step);
        break;
      case Phase::Kind::preload:
        emit_preload(context, phase, step);
        break;
      case Phase::Kind::compute:
        emit_compute(context, phase, step);
        break;
    }
  } catch (const Error& error) {
    const std::size_t operation = context.plan->layers[phase.layer].operation;
    throw Error(
        error.kind(),
        fmt::format("node '{}': {}", context.network->operations[operation].name, error.what()));
  }
}

}  // namespace

Program generate(const Int8Network& network, const aie::Device& device,
                 const CodegenOptions& options) {
  const NetworkPlan plan = plan_network(network, device, options);
  Program program;
  program.network = network.name;
  program.device = device.name;
  program.columns = device.columns;
  program.rows = device.rows;
  program.input = tensor_shape(network.operations.front().output);
  program.output = tensor_shape(network.operations[network.output].output);
  for (const LayerPlan& layer : plan.layers) {
    program.layers.push_back(describe_layer(network, layer));
  }
  EmitContext context = make_buffers(network, plan, program);
  std::vector<std::uint8_t> weights;
  context.network = &network;
  context.device = &device;
  context.plan = &plan;
  context.weights = &weights;
  context.compress_weights = options.compress_weights;
  std::remove_pointer_t<decltype(EmitContext::packed)> packed;
  context.packed = &packed;
  std::remove_pointer_t<decltype(EmitContext::placements)> placements;
  context.placements = &placements;
  for (std::vector<std::size_t> phases : schedule(plan)) {
    if (phases.empty()) continue;
    // What computes now comes first in the queues of the channels.
    std::stable_partition(phases.begin(), phases.end(), [&](std::size_t p) {
      return plan.phases[p].kind == Phase::Kind::compute;
    });
    const auto index = static_cast<std::uint32_t>(program.steps.size());
    StepBuilder step(device, step_name(network, plan, phases), layer_of(plan, phases));
    for (const std::size_t p : phases) {
      emit(context, plan.phases[p], step);
      add_parts(context, plan.phases[p], index, program);
    }
    program.steps.push_back(step.take());
  }
  aie::DdrBuffer& buffer = program.ddr[context.weights_buffer];
  buffer.size_bytes = weights.size();
  buffer.data = std::move(weights);
  return program;
}

std::vector<std::uint8_t> to_input_layout(const Program& program, std::vector<std::uint8_t> image) {
  const aie::TensorShape& shape = program.input;
  const std::int64_t pixels = shape.rows * shape.columns;
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(shape.blocks() * pixels * 8));
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    for (std::int64_t p = 0; p < pixels; ++p) {
      bytes[static_cast<std::size_t>((c / 8 * pixels + p) * 8 + c % 8)] =
          image[static_cast<std::size_t>(c * pixels + p)];
    }
  }
  return bytes;
}

std::vector<std::uint8_t> from_array_layout(const aie::TensorShape& shape,
                                            const std::vector<std::uint8_t>& bytes) {
  const std::int64_t pixels = shape.rows * shape.columns;
  std::vector<std::uint8_t> tensor(static_cast<std::size_t>(shape.channels * pixels));
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    for (std::int64_t p = 0; p < pixels; ++p) {
      tensor[static_cast<std::size_t>(c * pixels + p)] =
          bytes[static_cast<std::size_t>((c / 8 * pixels + p) * 8 + c % 8)];
    }
  }
  return tensor;
}

}  // namespace wbs::compiler
