// What networks do to planes besides convolutions: pools, additions, activations, copies.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/planes.hpp"

namespace wbs::kernels {

/// y = x * scale[c] + bias[c], clipped to [low, high], on stored numbers: for u8 the caller puts
/// steps and zero points into scale and bias, and the result is rounded to nearest, ties to even,
/// and saturated. Empty vectors mean 1 and 0.
struct Affine {
  std::vector<float> scale;
  std::vector<float> bias;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

// All functions below compute on planes of one element type, run on `threads` OpenMP threads, give
// the same bits for any number of them and on every instruction set, and do not allocate.

/// The channels of `in` in channels [first, first + in.channels) of `out`, which has the same
/// images, rows and columns. May work in place. `first` need not be a multiple of
/// channels_per_word, but is fast when it is.
void affine(const Planes& in, const void* x, const Affine& how, const Planes& out,
            std::int64_t first, void* y, int threads) noexcept;

/// y = clip(a * how.scale + b * b_scale + how.bias); all three of the same planes; y may be a or b.
void add(const Planes& planes, const void* a, const void* b, float b_scale, const Affine& how,
         void* y, int threads) noexcept;

/// A window that slides over every channel.
struct Pool {
  bool average = false;  ///< else the maximum
  std::array<std::int64_t, 2> kernel{1, 1};
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> dilation{1, 1};  ///< of maxima
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool count_include_pad = false;
  float scale = 1.0F;  ///< average: step of the input over step of the output (u8)
};

/// Bytes of scratch that pool() needs for these planes and threads.
[[nodiscard]] std::int64_t pool_scratch_bytes(const Pool& pool, const Planes& in, const Planes& out,
                                              int threads) noexcept;

/// Windows that lie partly outside (padding, or what ceil mode adds) cover what is inside. An
/// average of u8 is taken over (x - zero point) and written as average * scale + out.zero_point.
/// Every window must meet the image.
void pool(const Pool& pool, const Planes& in, const void* x, const Planes& out, void* y,
          void* scratch, int threads) noexcept;

/// The mean of every channel of every image; `out` has one pixel per image. u8: as pool().
void global_average(const Planes& in, const void* x, float scale, const Planes& out, void* y,
                    int threads) noexcept;

/// As to_planes(), fast.
void load_planes(const Planes& planes, const float* nchw, float scale, void* out,
                 int threads) noexcept;

/// [n][c][h][w] -> one pixel per image with c * h * w channels, c slowest: a flatten before a
/// matrix product.
void flatten(const Planes& in, const void* x, const Planes& out, void* y) noexcept;

/// Instruction set of the loops on this machine: "avx512", "avx2", "generic".
[[nodiscard]] const char* elementwise_isa() noexcept;

}  // namespace wbs::kernels
