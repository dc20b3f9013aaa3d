// A network in 8-bit integers with power-of-two scales: what an integer accelerator computes,
// exactly.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "networks/graph.hpp"
#include "networks/quantisation.hpp"

namespace wbs::networks {

/// One image's activation: [channels][rows][columns], each integer * 2^exponent. int8, or uint8
/// where it cannot be negative.
struct Int8Shape {
  std::int64_t channels = 0, rows = 0, columns = 0;
  bool is_unsigned = false;
  std::int32_t exponent = 0;
  [[nodiscard]] std::int64_t elements() const { return channels * rows * columns; }
  friend bool operator==(const Int8Shape&, const Int8Shape&) = default;
};

/// An operation of the fused integer network.
///
/// round_shift(v, s): v / 2^s to the nearest integer, ties to even; s >= 0.
/// conv: clamp(round_shift(bias[o] + sum x * w, shift[o]), minimum, maximum); also linear layers,
///   as windows as large as the image. With a second input y, of the result's shape, a fused
///   residual sum: bias[o] + sum x * w + (y << second_shift[o]).
/// depthwise: the same with one filter per channel.
/// max_pool; average_pool: clamp(round_shift(sum over the window * multiplier, pool_shift), ...).
/// add: clamp(round_shift((a << shift_input) + (b << shift_second), pool_shift), ...).
/// concat: of inputs that all have the result's exponent and signedness.
/// slice: rows [first_row, first_row + output.rows) of its input; stack: its inputs' rows one below
///   the other. Both are views for depth-wise tiles (depth_tiles.hpp): no numbers change.
/// Padding is zero; max pools with padding have unsigned inputs.
struct Int8Op {
  enum class Kind : std::uint8_t {
    input,
    conv,
    depthwise,
    max_pool,
    average_pool,
    add,
    concat,
    slice,
    stack
  };
  Kind kind = Kind::input;
  std::string name;                 ///< of the graph node that gives the result's weights or value
  std::string result;               ///< of the last graph node fused into it
  std::vector<std::size_t> inputs;  ///< earlier operations
  std::array<std::int64_t, 2> window{1, 1}, stride{1, 1};
  Padding padding;
  std::vector<std::int8_t> weights;        ///< [out][in][kh][kw]; depthwise [c][kh][kw]
  std::vector<std::int32_t> bias;          ///< of the accumulator
  std::vector<std::uint8_t> shift;         ///< by output channel
  std::vector<std::uint8_t> second_shift;  ///< by output channel; conv with a second input
  std::uint8_t shift_input = 0, shift_second = 0, pool_shift = 0;
  std::int32_t multiplier = 1;
  std::int16_t minimum = -128, maximum = 127;
  std::int64_t first_row = 0;  ///< slice: of its input
  Int8Shape output;
  std::int64_t macs = 0;
};

[[nodiscard]] std::string_view to_string(Int8Op::Kind kind) noexcept;

/// False of the input and of what only says where other results lie: concat, slice, stack.
[[nodiscard]] constexpr bool is_computed(Int8Op::Kind kind) noexcept {
  using enum Int8Op::Kind;
  return kind != input && kind != concat && kind != slice && kind != stack;
}

/// Operations in execution order; operations[0] is the input.
struct Int8Network {
  std::string name;
  std::vector<Int8Op> operations;
  std::size_t output = 0;
};

struct Int8Options {
  bool per_channel = true;  ///< a shift per output channel; else one per layer
  bool fuse_add = true;     ///< sums become part of the 1x1 convolution that gives an operand
};

/// The integer network of batch 1: batch norms folded; ReLU, clips, flattening and identities
/// fused; softmax at the end left to the host. `scales` gives the range of activations by node (any
/// scales; powers of two are made of them, rounded up). Masked weights stay zero. Throws
/// Error(unsupported) naming the first node that integers of this kind cannot express.
[[nodiscard]] Int8Network to_int8(const Graph& graph, const Weights& weights,
                                  const Quantisation& scales, const Int8Options& options = {});

/// Integers of an image ([3][h][w] or [1][3][h][w], fp32) in the network's input scale.
[[nodiscard]] std::vector<std::uint8_t> quantise_image(const Int8Network& network,
                                                       const Tensor& image);

/// Every operation's result, in order, as bytes [channels][rows][columns]: the reference that
/// machines are compared with, bit for bit. Loops as in the definition above, threads not used.
[[nodiscard]] std::vector<std::vector<std::uint8_t>> interpret(const Int8Network& network,
                                                               std::span<const std::uint8_t> image);

/// Multiplications of one image, zero weights included.
[[nodiscard]] std::int64_t total_macs(const Int8Network& network);

/// One line per operation: index, kind, names, inputs, shape, window, share of non-zero weights.
[[nodiscard]] std::string print(const Int8Network& network);

}  // namespace wbs::networks
