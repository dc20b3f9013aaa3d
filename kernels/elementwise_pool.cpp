// Pools on planes: down the window's rows first, then along them, a vector of pixels at a time.
#include <omp.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "kernels/elementwise.hpp"
#include "kernels/elementwise_rows.hpp"

namespace wbs::kernels {
namespace {

constexpr std::int64_t kLine = 64;

std::int64_t rounded(std::int64_t bytes) noexcept {
  return (bytes + kLine - 1) / kLine * kLine;
}

/// The input rows or columns [begin, end) that a window covers, `step` apart.
struct Span {
  std::int64_t begin, end;
};

Span covered(std::int64_t start, std::int64_t kernel, std::int64_t dilation,
             std::int64_t extent) noexcept {
  const std::int64_t skipped = start < 0 ? (-start + dilation - 1) / dilation : 0;
  return {start + skipped * dilation, std::min(start + kernel * dilation, extent)};
}

/// One pool() as its parts see it.
struct Window {
  const Pool& pool;
  const Planes& in;
  const Planes& out;
  const ElementRows& rows;
  std::int64_t group;
  std::int64_t padded;  ///< columns that the windows of a row reach over, the padding included
  std::int64_t inside;  ///< how many of them lie in the image

  [[nodiscard]] std::int64_t dilation(std::size_t axis) const noexcept {
    return pool.average ? 1 : pool.dilation[axis];
  }
  /// Bytes of one padded row: words, or floats per channel for averages.
  [[nodiscard]] std::int64_t row_bytes() const noexcept {
    return rounded(padded * 4 * (pool.average ? group : 1));
  }
  [[nodiscard]] std::int64_t scratch_bytes() const noexcept {
    return 2 * row_bytes() + rounded(out.width * 4);
  }
};

const ElementRows& rows_for(Element element) noexcept {
  const char isa = elementwise_isa()[3];  // "avx512", "avx2", "generic"
  const ElementRows* rows = isa == '5' ? kAvx512Rows : isa == '2' ? kAvx2Rows : kGenericRows;
  return rows[static_cast<std::size_t>(element)];
}

Window window_of(const Pool& pool, const Planes& in, const Planes& out) noexcept {
  const std::int64_t dilation = pool.average ? 1 : pool.dilation[1];
  const std::int64_t padded =
      (out.width - 1) * pool.stride[1] + (pool.kernel[1] - 1) * dilation + 1;
  return {pool,
          in,
          out,
          rows_for(in.element),
          channels_per_word(in.element),
          padded,
          std::min(in.width, padded - pool.pad_left)};
}

void max_row(const Window& w, const std::byte* image, std::int64_t oy, std::byte* y,
             std::byte* scratch) noexcept {
  constexpr std::uint32_t kLowest[3] = {0xff800000U, 0xff80ff80U, 0U};
  auto* tall = reinterpret_cast<std::uint32_t*>(scratch);
  auto* wide = reinterpret_cast<std::uint32_t*>(scratch + w.row_bytes());
  const Span span =
      covered(oy * w.pool.stride[0] - w.pool.pad_top, w.pool.kernel[0], w.dilation(0), w.in.height);
  std::fill_n(tall, w.padded, kLowest[static_cast<std::size_t>(w.in.element)]);
  for (std::int64_t iy = span.begin; iy < span.end; iy += w.dilation(0)) {
    w.rows.max(tall + w.pool.pad_left, image + iy * w.in.width * 4, w.inside);
  }
  const std::int64_t starts = (w.out.width - 1) * w.pool.stride[1] + 1;
  std::memcpy(wide, tall, static_cast<std::size_t>(starts * 4));
  for (std::int64_t kx = 1; kx < w.pool.kernel[1]; ++kx) {
    w.rows.max(wide, tall + kx * w.dilation(1), starts);
  }
  auto* out = reinterpret_cast<std::uint32_t*>(y);
  for (std::int64_t ox = 0; ox < w.out.width; ++ox) out[ox] = wide[ox * w.pool.stride[1]];
}

/// Places that an average divides by along one axis.
std::int64_t counted(const Pool& pool, std::int64_t start, std::int64_t kernel, std::int64_t extent,
                     std::int64_t after) noexcept {
  if (pool.count_include_pad) return std::min(start + kernel, extent + after) - start;
  const Span span = covered(start, kernel, 1, extent);
  return span.end - span.begin;
}

void average_row(const Window& w, const std::byte* image, std::int64_t oy, std::byte* y,
                 std::byte* scratch) noexcept {
  auto* tall = reinterpret_cast<float*>(scratch);
  auto* wide = reinterpret_cast<float*>(scratch + w.row_bytes());
  auto* factor = reinterpret_cast<float*>(scratch + 2 * w.row_bytes());
  const Pool& pool = w.pool;
  const std::int64_t top = oy * pool.stride[0] - pool.pad_top;
  const Span span = covered(top, pool.kernel[0], 1, w.in.height);
  const auto zero = static_cast<float>(w.in.zero_point);
  std::fill_n(tall, w.padded * w.group, 0.0F);
  for (std::int64_t iy = span.begin; iy < span.end; ++iy) {
    w.rows.add(tall + pool.pad_left * w.group, image + iy * w.in.width * 4, w.inside * w.group,
               zero);
  }
  const std::int64_t starts = ((w.out.width - 1) * pool.stride[1] + 1) * w.group;
  std::memcpy(wide, tall, static_cast<std::size_t>(starts * 4));
  const ElementRows& floats = rows_for(Element::f32);
  for (std::int64_t kx = 1; kx < pool.kernel[1]; ++kx) {
    floats.add(wide, tall + kx * w.group, starts, 0.0F);
  }
  const std::int64_t rows = counted(pool, top, pool.kernel[0], w.in.height, pool.pad_bottom);
  for (std::int64_t ox = 0; ox < w.out.width; ++ox) {
    const std::int64_t left = ox * pool.stride[1] - pool.pad_left;
    const std::int64_t columns = counted(pool, left, pool.kernel[1], w.in.width, pool.pad_right);
    factor[ox] = pool.scale / static_cast<float>(rows * columns);
  }
  w.rows.average(
      {wide, factor, static_cast<float>(w.out.zero_point), y, w.out.width, pool.stride[1]});
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
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (std::int64_t unit = 0; unit < units; ++unit) {
    const std::int64_t plane = unit / in.images;
    const std::int64_t image = unit % in.images;
    const std::byte* from =
        static_cast<const std::byte*>(x) + (plane * in.stride + image * in.height * in.width) * 4;
    std::byte* to =
        static_cast<std::byte*>(y) + (plane * out.stride + image * out.height * out.width) * 4;
    std::byte* own = static_cast<std::byte*>(scratch) + omp_get_thread_num() * w.scratch_bytes();
    for (std::int64_t oy = 0; oy < out.height; ++oy) {
      std::byte* row = to + oy * out.width * 4;
      pool.average ? average_row(w, from, oy, row, own) : max_row(w, from, oy, row, own);
    }
  }
}

}  // namespace wbs::kernels
