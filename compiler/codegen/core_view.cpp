#include "compiler/codegen/core_view.hpp"

namespace wbs::compiler {

CoreView::CoreView(const EmitContext& emit, const Phase& of_phase, const CoreJob& of_job)
    : context(emit),
      device(*emit.device),
      phase(of_phase),
      job(of_job),
      layer(emit.plan->layers[of_phase.layer]),
      op(emit.network->operations[layer.operation]) {}

BlockRange CoreView::blocks_of_chunk(std::int64_t chunk) const {
  return chunk_blocks(layer, device, job.column, job.row, chunk);
}

std::int64_t CoreView::input_bytes(std::int64_t blocks) const {
  return blocks * layer.pieces.tile_in_rows * layer.pieces.tile_in_columns * 8;
}

std::int64_t CoreView::input_blocks() const {
  return layer.shape.convolution() ? layer.mapping.piece_blocks
                                   : blocks_of_chunk(phase.chunk).count;
}

std::int64_t CoreView::slot_bytes() const {
  return layer.slot_bytes[static_cast<std::size_t>(job.column * device.rows + job.row)];
}

std::int64_t CoreView::tile_pixels() const {
  return layer.mapping.tile_rows * layer.mapping.tile_columns;
}

std::vector<std::pair<std::int64_t, std::int64_t>> CoreView::runs_of_chunks() const {
  std::vector<std::pair<std::int64_t, std::int64_t>> runs;
  for (std::int64_t chunk = phase.chunk; chunk < phase.chunk + phase.chunks; ++chunk) {
    const std::int64_t blocks = blocks_of_chunk(chunk).count;
    if (runs.empty() || runs.back().first != blocks) runs.emplace_back(blocks, 0);
    ++runs.back().second;
  }
  return runs;
}

aie::KernelCall CoreView::call(std::int64_t blocks, bool begin, bool finish,
                               std::uint32_t accumulators) const {
  const Pieces& p = layer.pieces;
  aie::KernelCall made;
  made.kernel = layer.shape.kernel;
  made.input.ring = static_cast<std::int16_t>(kInputRing);
  made.adds = layer.shape.adds && finish;
  if (made.adds) {
    made.second.ring = static_cast<std::int16_t>(kSecondRing);
  } else {
    made.second.ring = static_cast<std::int16_t>(kInputRing);
    made.second.address = u32(input_bytes(input_blocks()));
  }
  if (has_weights(made.kernel)) made.weights.ring = static_cast<std::int16_t>(kWeightsRing);
  made.output.ring = static_cast<std::int16_t>(kOutputRing);
  made.accumulators = accumulators;
  made.in = {u16(input_blocks()), u16(p.tile_in_rows), u16(p.tile_in_columns)};
  made.out = {u16(blocks), u16(layer.mapping.tile_rows), u16(layer.mapping.tile_columns)};
  if (!layer.shape.convolution()) made.in.blocks = u16(blocks);
  made.window = {static_cast<std::uint8_t>(layer.shape.window_rows),
                 static_cast<std::uint8_t>(layer.shape.window_columns)};
  made.stride = {static_cast<std::uint8_t>(layer.shape.stride_rows),
                 static_cast<std::uint8_t>(layer.shape.stride_columns)};
  made.begin = begin;
  made.finish = finish;
  made.input_unsigned = context.network->operations[op.inputs.front()].output.is_unsigned;
  made.second_unsigned = context.network->operations[op.inputs.back()].output.is_unsigned;
  made.minimum = op.minimum;
  made.maximum = op.maximum;
  made.shift_input = op.shift_input;
  made.shift_second = op.shift_second;
  made.shift = op.pool_shift;
  made.multiplier = op.multiplier;
  return made;
}

}  // namespace wbs::compiler
