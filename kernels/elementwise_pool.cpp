// Pools on planes: down the window's columns first, then along its rows, vectors of neighbours at a
// time.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "kernels/elementwise.hpp"
#include "kernels/elementwise_loops.hpp"

namespace wbs::kernels {
namespace {

constexpr std::int64_t kLine = 64;

std::int64_t rounded(std::int64_t bytes) noexcept {
  return (bytes + kLine - 1) / kLine * kLine;
}

/// One pool() as its parts see it. A band of output rows is computed at once: its input rows,
/// padded, lie one behind the other, so that both directions of the window are long loops over
/// neighbours.
struct Window {
  const Pool& pool;
  const Planes& in;
  const Planes& out;
  const ElementRows& rows;
  AddFloats add;
  std::int64_t group;
  std::int64_t dilation_y, dilation_x;
  std::int64_t columns;  ///< that the windows of a row reach over, the padding included
  std::int64_t inside;   ///< how many of them lie in the image
  std::int64_t band;     ///< output rows computed at once

  [[nodiscard]] std::int64_t band_rows() const noexcept {
    return (band - 1) * pool.stride[0] + (pool.kernel[0] - 1) * dilation_y + 1;
  }
  /// 32-bit places per padded pixel: a word, or a float per channel for averages.
  [[nodiscard]] std::int64_t places() const noexcept { return pool.average ? group : 1; }
  [[nodiscard]] std::int64_t image_bytes() const noexcept {
    return rounded(band_rows() * columns * places() * 4);
  }
  [[nodiscard]] std::int64_t scratch_bytes() const noexcept {
    return 2 * image_bytes() + rounded(out.width * 4);
  }
};

Window window_of(const Pool& pool, const Planes& in, const Planes& out) noexcept {
  constexpr std::int64_t kBandBytes = std::int64_t{12}
                                      << 10;  // both copies stay in the first-level cache
  const ElementwiseLoops& loops = elementwise_loops();
  Window w{pool,
           in,
           out,
           loops.rows[static_cast<std::size_t>(in.element)],
           loops.add,
           channels_per_word(in.element),
           pool.average ? 1 : pool.dilation[0],
           pool.average ? 1 : pool.dilation[1],
           0,
           0,
           1};
  w.columns = (out.width - 1) * pool.stride[1] + (pool.kernel[1] - 1) * w.dilation_x + 1;
  w.inside = std::min(in.width, w.columns - pool.pad_left);
  const std::int64_t row_bytes = w.columns * w.places() * 4;
  const std::int64_t fitting = kBandBytes / row_bytes - (w.band_rows() - 1);
  w.band = std::clamp<std::int64_t>(fitting / pool.stride[0], 1, out.height);
  return w;
}

/// The input rows of output rows from `first` on, padded with what changes no result.
void load_band(const Window& w, const std::byte* image, std::int64_t first, std::int64_t rows,
               std::byte* padded) noexcept {
  constexpr std::uint32_t kLowest[3] = {0xff800000U, 0xff80ff80U, 0U};
  const std::int64_t row_places = w.columns * w.places();
  const std::uint32_t nothing =
      w.pool.average ? 0U : kLowest[static_cast<std::size_t>(w.in.element)];
  auto* places = reinterpret_cast<std::uint32_t*>(padded);
  const bool whole_rows = w.pool.pad_left == 0 && w.inside == w.columns;
  for (std::int64_t row = 0; row < rows; ++row, places += row_places) {
    const std::int64_t iy = first * w.pool.stride[0] - w.pool.pad_top + row;
    const bool exists = iy >= 0 && iy < w.in.height;
    if (!exists || !whole_rows) std::fill_n(places, row_places, nothing);
    if (!exists) continue;
    std::uint32_t* to = places + w.pool.pad_left * w.places();
    const std::byte* from = image + iy * w.in.width * 4;
    if (w.pool.average) {
      w.rows.centre(reinterpret_cast<float*>(to), from, w.inside * w.group,
                    static_cast<float>(w.in.zero_point));
    } else {
      std::memcpy(to, from, static_cast<std::size_t>(w.inside * 4));
    }
  }
}

/// y[i] = a[i] combined with b[i].
void combine(const Window& w, std::byte* y, const std::byte* a, const std::byte* b,
             std::int64_t places) noexcept {
  if (w.pool.average) {
    w.add(reinterpret_cast<float*>(y), reinterpret_cast<const float*>(a),
          reinterpret_cast<const float*>(b), places);
  } else {
    w.rows.max(y, a, b, places);
  }
}

/// Combines each place with the `count` - 1 places that follow it, `step` apart; what the last ones
/// lack belongs to no window. Returns where the result is.
std::byte* reduce(const Window& w, std::byte* x, std::byte* other, std::int64_t places,
                  std::int64_t count, std::int64_t step) noexcept {
  if (count == 1) return x;
  combine(w, other, x, x + step * 4, places - step);
  for (std::int64_t i = 2; i < count; ++i) {
    combine(w, other, other, x + i * step * 4, places - i * step);
  }
  return other;
}

/// The columns of `outputs` windows' rows, combined: row i of the result is output row first + i.
/// Returns where it is, `x` or `other`.
std::byte* reduce_columns(const Window& w, std::byte* x, std::byte* other, std::int64_t outputs,
                          std::int64_t row_places) noexcept {
  const std::int64_t step = w.dilation_y * row_places;
  const std::int64_t kernel = w.pool.kernel[0];
  if (w.pool.stride[0] == 1) {
    const std::int64_t rows = outputs + (kernel - 1) * w.dilation_y;
    return reduce(w, x, other, rows * row_places, kernel, step);
  }
  for (std::int64_t i = 0; i < outputs; ++i) {
    std::byte* to = other + i * row_places * 4;
    const std::byte* from = x + i * w.pool.stride[0] * row_places * 4;
    const std::byte* last = from;
    for (std::int64_t k = 1; k < kernel; ++k, last = to) {
      combine(w, to, last, from + k * step * 4, row_places);
    }
    if (kernel == 1) std::memcpy(to, from, static_cast<std::size_t>(row_places * 4));
  }
  return other;
}

/// Places that an average divides by along one axis.
std::int64_t counted(const Pool& pool, std::int64_t start, std::int64_t kernel, std::int64_t extent,
                     std::int64_t after) noexcept {
  if (pool.count_include_pad) return std::min(start + kernel, extent + after) - start;
  return std::min(start + kernel, extent) - std::max<std::int64_t>(start, 0);
}

/// Factors of the output pixels of row `oy`, whose windows hold `rows` counted rows.
void set_factors(const Window& w, std::int64_t rows, float* factor) noexcept {
  const Pool& pool = w.pool;
  for (std::int64_t ox = 0; ox < w.out.width; ++ox) {
    const std::int64_t left = ox * pool.stride[1] - pool.pad_left;
    const std::int64_t columns = counted(pool, left, pool.kernel[1], w.in.width, pool.pad_right);
    factor[ox] = pool.scale / static_cast<float>(rows * columns);
  }
}

void pool_band(const Window& w, const std::byte* image, std::int64_t first, std::byte* y,
               std::byte* scratch) noexcept {
  const Pool& pool = w.pool;
  const std::int64_t outputs = std::min(w.band, w.out.height - first);
  const std::int64_t rows =
      (outputs - 1) * pool.stride[0] + (pool.kernel[0] - 1) * w.dilation_y + 1;
  const std::int64_t row_places = w.columns * w.places();
  load_band(w, image, first, rows, scratch);
  std::byte* const spare = scratch + w.image_bytes();
  std::byte* tall = reduce_columns(w, scratch, spare, outputs, row_places);
  const std::byte* done = reduce(w, tall, tall == scratch ? spare : scratch, outputs * row_places,
                                 pool.kernel[1], w.dilation_x * w.places());
  auto* factor = reinterpret_cast<float*>(scratch + 2 * w.image_bytes());
  std::int64_t factor_rows = -1;
  for (std::int64_t i = 0; i < outputs; ++i) {
    const std::byte* row = done + i * row_places * 4;
    std::byte* to = y + (first + i) * w.out.width * 4;
    if (!pool.average) {
      const auto* from = reinterpret_cast<const std::uint32_t*>(row);
      auto* words = reinterpret_cast<std::uint32_t*>(to);
      for (std::int64_t ox = 0; ox < w.out.width; ++ox) words[ox] = from[ox * pool.stride[1]];
      continue;
    }
    const std::int64_t top = (first + i) * pool.stride[0] - pool.pad_top;
    const std::int64_t here = counted(pool, top, pool.kernel[0], w.in.height, pool.pad_bottom);
    if (here != factor_rows) set_factors(w, here, factor);
    factor_rows = here;
    w.rows.average({reinterpret_cast<const float*>(row), factor,
                    static_cast<float>(w.out.zero_point), to, w.out.width, pool.stride[1]});
  }
}

}  // namespace

std::int64_t pool_scratch_bytes(const Pool& pool, const Planes& in, const Planes& out,
                                int threads) noexcept {
  return window_of(pool, in, out).scratch_bytes() * threads;
}

void pool(const Pool& pool, const Planes& in, const void* x, const Planes& out, void* y,
          void* scratch, int threads) noexcept {
  const Window w = window_of(pool, in, out);
  const std::int64_t units = in.planes() * in.images;
  // One share per thread: each has its own scratch.
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (std::int64_t share = 0; share < threads; ++share) {
    std::byte* own = static_cast<std::byte*>(scratch) + share * w.scratch_bytes();
    for (std::int64_t unit = units * share / threads; unit < units * (share + 1) / threads;
         ++unit) {
      const std::int64_t plane = unit / in.images;
      const std::int64_t image = unit % in.images;
      const std::byte* from =
          static_cast<const std::byte*>(x) + (plane * in.stride + image * in.height * in.width) * 4;
      std::byte* to =
          static_cast<std::byte*>(y) + (plane * out.stride + image * out.height * out.width) * 4;
      for (std::int64_t first = 0; first < out.height; first += w.band) {
        pool_band(w, from, first, to, own);
      }
    }
  }
}

}  // namespace wbs::kernels
