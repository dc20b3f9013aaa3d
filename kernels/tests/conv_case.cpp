#include "kernels/tests/conv_case.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <numeric>
#include <span>

#include "core/rng.hpp"

namespace wbs::kernels {
namespace {

template <typename T>
T pick(Rng& rng, std::initializer_list<T> choices) {
  return choices.begin()[rng.below(choices.size())];
}

/// Numbers drawn for one purpose: adding a purpose changes no other's numbers.
Rng stream(const ConvCase& plan, std::uint64_t purpose) {
  return Rng(plan.seed, purpose);
}

void sample_shape(Rng& rng, ConvShape& shape) {
  shape.images = pick<std::int64_t>(rng, {1, 1, 2, 3, 8});
  // Images of one row or one column, and matrix products (images of one pixel), come up too.
  shape.height = pick<std::int64_t>(rng, {1, 2, 3, 5, 7, 13, 14, 28});
  shape.width =
      rng.bernoulli(0.4) ? shape.height : pick<std::int64_t>(rng, {1, 3, 5, 7, 13, 14, 28, 49});
  shape.in_channels = pick<std::int64_t>(rng, {1, 3, 7, 8, 9, 16, 20, 32, 64, 300});
  shape.out_channels = pick<std::int64_t>(rng, {1, 3, 7, 8, 9, 16, 20, 32, 64, 300});
  shape.groups = 1;
  if (rng.bernoulli(0.15)) {
    shape.groups = pick<std::int64_t>(rng, {2, 3, 4});
    shape.in_channels = shape.groups * pick<std::int64_t>(rng, {1, 3, 4, 7, 8, 16});
    shape.out_channels = shape.groups * pick<std::int64_t>(rng, {1, 2, 4, 5, 8, 16});
  } else if (rng.bernoulli(0.1)) {
    shape.groups = shape.in_channels;
    shape.out_channels = shape.in_channels * pick<std::int64_t>(rng, {1, 1, 2, 3});
  }
  shape.stride = {pick<std::int64_t>(rng, {1, 1, 1, 2, 3}), 1};
  shape.stride[1] = rng.bernoulli(0.7) ? shape.stride[0] : pick<std::int64_t>(rng, {1, 2, 3});
  shape.dilation = {rng.bernoulli(0.1) ? 2 : 1, rng.bernoulli(0.1) ? 2 : 1};
  shape.pad_top = shape.kernel[0] / 2;
  shape.pad_left = shape.kernel[1] / 2;
  if (rng.bernoulli(0.3)) {
    shape.pad_top =
        static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(shape.kernel[0])));
    shape.pad_left =
        static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(shape.kernel[1])));
  }
  shape.pad_bottom = rng.bernoulli(0.7) ? shape.pad_top : shape.kernel[0] - 1 - shape.pad_top;
  shape.pad_right = rng.bernoulli(0.7) ? shape.pad_left : shape.kernel[1] - 1 - shape.pad_left;
}

std::optional<std::array<std::int64_t, 2>> block_of(std::string_view pattern) {
  if (!pattern.starts_with("block:")) return std::nullopt;
  const auto parsed = sparsity::parse_pattern(fmt::format("{}@0.5", pattern)).value();
  const auto& block = std::get<sparsity::BlockPattern>(parsed);
  return std::array{block.rows, block.cols};
}

sparsity::Mask block_mask(const ConvCase& plan, std::array<std::int64_t, 2> block, Rng& rng) {
  sparsity::Mask mask(plan.shape.weight_shape(), {block[0], block[1], false});
  const double ratio = pick(rng, {0.25, 0.5, 0.5, 0.75, 0.875});
  const bool empty_row = rng.bernoulli(0.3);
  const auto row =
      static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(mask.cell_rows())));
  for (std::int64_t r = 0; r < mask.cell_rows(); ++r) {
    for (std::int64_t c = 0; c < mask.cell_cols(); ++c) {
      mask.set(r, c, !rng.bernoulli(ratio) && !(empty_row && r == row));
    }
  }
  return mask;
}

sparsity::Mask nm_mask(const ConvCase& plan, const sparsity::NmPattern& nm, Rng& rng) {
  sparsity::Mask mask(plan.shape.weight_shape(), sparsity::kSingleWeights, false);
  const std::int64_t taps = plan.shape.taps();
  const std::int64_t cin = plan.shape.in_channels / plan.shape.groups;
  for (std::int64_t o = 0; o < plan.shape.out_channels; ++o) {
    for (std::int64_t t = 0; t < taps; ++t) {
      for (std::int64_t first = 0; first < cin; first += nm.group) {
        std::vector<std::int64_t> channels(
            static_cast<std::size_t>(std::min(nm.group, cin - first)));
        std::iota(channels.begin(), channels.end(), first);
        rng.shuffle(std::span(channels));
        channels.resize(std::min(channels.size(), static_cast<std::size_t>(nm.kept)));
        for (const std::int64_t i : channels) mask.set((o * cin + i) * taps + t, true);
      }
    }
  }
  return mask;
}

std::optional<sparsity::Mask> make_mask(const ConvCase& plan) {
  Rng rng = stream(plan, 1);
  const Shape shape = plan.shape.weight_shape();
  if (plan.pattern == "dense") {
    if (rng.bernoulli(0.5)) return std::nullopt;
    return sparsity::Mask(shape, {8, 8, false});
  }
  if (const auto block = block_of(plan.pattern)) {
    if (plan.full || plan.empty) {
      return sparsity::Mask(shape, {(*block)[0], (*block)[1], false}, plan.full);
    }
    return block_mask(plan, *block, rng);
  }
  if (plan.full || plan.empty) return sparsity::Mask(shape, sparsity::kSingleWeights, plan.full);
  if (plan.pattern == "channel") {
    sparsity::Mask mask(shape, {1, plan.shape.in_channels / plan.shape.groups, false});
    const double kept = pick(rng, {0.1, 0.4, 0.6, 0.6, 0.9});
    for (std::int64_t o = 0; o < mask.cells(); ++o) mask.set(o, rng.bernoulli(kept));
    return mask;
  }
  const auto parsed = sparsity::parse_pattern(plan.pattern).value();
  if (const auto* nm = std::get_if<sparsity::NmPattern>(&parsed)) return nm_mask(plan, *nm, rng);
  const double ratio = std::get<sparsity::UnstructuredPattern>(parsed).ratio;
  sparsity::Mask mask(shape, sparsity::kSingleWeights);
  for (std::int64_t k = 0; k < mask.cells(); ++k) mask.set(k, !rng.bernoulli(ratio));
  return mask;
}

/// Weights and activations: normal, or integers small enough that no fp32 sum of the sampled sizes
/// is rounded (8 * 4 * 300 * 49 < 2^24); bytes in their whole range.
float draw(const ConvCase& plan, Rng& rng, std::int64_t low, std::int64_t high) {
  if (!plan.integers) return static_cast<float>(rng.normal());
  return static_cast<float>(
      low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(high - low + 1))));
}

Tensor draw_tensor(const ConvCase& plan, Shape shape, std::uint64_t purpose, bool weights) {
  Rng rng = stream(plan, purpose);
  const bool bytes = (weights        ? plan.element
                      : purpose == 3 ? plan.element
                                     : plan.output) == Element::u8;
  const std::int64_t low = weights ? (bytes ? -128 : -4) : bytes ? 0 : -8;
  const std::int64_t high = weights ? (bytes ? 127 : 4) : bytes ? 255 : 8;
  Tensor tensor(std::move(shape));
  // Extremes come up on purpose: sums of products of 16 bits must not saturate.
  const bool extremes = bytes && rng.bernoulli(0.2);
  for (float& value : tensor.values) {
    value = draw(plan, rng, low, high);
    if (extremes) value = static_cast<float>(rng.bernoulli(0.9) == weights ? low : high);
  }
  return tensor;
}

void sample_epilogue(const ConvCase& plan, Epilogue& epilogue) {
  Rng rng = stream(plan, 5);
  const auto channels = static_cast<std::size_t>(plan.shape.out_channels);
  const bool bytes = plan.output == Element::u8;
  const double terms =
      static_cast<double>(plan.shape.in_channels / plan.shape.groups * plan.shape.taps());
  // Powers of two make many ties of rounding; either way outputs spread over about [0, 255].
  const double spread = bytes ? 64.0 / (5500.0 * std::sqrt(terms)) : 1.0;
  const bool power = rng.bernoulli(0.5);
  for (std::size_t o = 0; o < channels; ++o) {
    const double factor = spread * (0.5 + rng.uniform()) * (rng.bernoulli(0.1) ? -1.0 : 1.0);
    const double scale =
        power ? std::copysign(std::exp2(std::round(std::log2(std::abs(factor)))), factor) : factor;
    if (plan.scale) epilogue.scale.push_back(static_cast<float>(scale));
    double bias = rng.normal();
    if (bytes) bias = plan.output_zero_point + std::round(40 * bias) / 2;
    // The bias of an unscaled layer is one more term of the sum: it must be exact there too.
    if (plan.integers && !plan.scale) bias = std::round(8 * bias);
    if (plan.bias) epilogue.bias.push_back(static_cast<float>(bias));
  }
  epilogue.output = plan.output;
  epilogue.output_zero_point = plan.output_zero_point;
  epilogue.residual = plan.residual;
  if (plan.residual) epilogue.residual_scale = pick(rng, {1.0F, 0.5F, -0.75F, 1.1F});
  if (plan.clip) {
    epilogue.low = bytes ? static_cast<float>(plan.output_zero_point) : 0.0F;
    if (rng.bernoulli(0.5)) epilogue.high = bytes ? 200.0F : 6.0F;
  }
}

/// `size` bytes at `shift` from a multiple of 64, full of 0xff, which is NaN for fp32 and bf16. A
/// page that nobody may touch follows their last line, a line that nobody may write goes before.
class Bytes {
 public:
  Bytes(std::int64_t size, std::int64_t shift) {
    const std::int64_t lines = (size + shift + kLine - 1) / kLine * kLine;
    length_ = static_cast<std::size_t>((lines + kLine + kPage - 1) / kPage * kPage + kPage);
    void* memory =
        ::mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = static_cast<unsigned char*>(memory);
    unsigned char* const end = memory_ + length_ - kPage;
    if (::mprotect(end, kPage, PROT_NONE) != 0) throw std::bad_alloc();
    std::memset(memory_, 0xff, length_ - kPage);
    data_ = end - lines + shift;
  }
  ~Bytes() { ::munmap(memory_, length_); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  [[nodiscard]] unsigned char* data() const noexcept { return data_; }
  [[nodiscard]] bool untouched_before() const noexcept {
    return std::all_of(data_ - kLine, data_, [](unsigned char byte) { return byte == 0xff; });
  }

 private:
  static constexpr std::int64_t kLine = 64;
  static constexpr std::int64_t kPage = 4096;
  unsigned char* memory_ = nullptr;
  unsigned char* data_ = nullptr;
  std::size_t length_ = 0;
};

/// Stored values to planes: to_planes takes real values.
void fill(const Planes& planes, const Tensor& stored, void* out) {
  std::vector<float> values = stored.values;
  if (planes.element == Element::u8) {
    for (float& value : values) value -= static_cast<float>(planes.zero_point);
  }
  to_planes(planes, values.data(), 1.0F, out);
}

float stored_value(const Planes& planes, const unsigned char* bytes, std::int64_t channel,
                   std::int64_t pixel) {
  const std::int64_t group = channels_per_word(planes.element);
  const unsigned char* place =
      bytes + (channel / group * planes.stride + pixel) * 4 + channel % group * (4 / group);
  float value = 0.0F;
  std::uint16_t half = 0;
  switch (planes.element) {
    case Element::f32:
      std::memcpy(&value, place, 4);
      return value;
    case Element::bf16:
      std::memcpy(&half, place, 2);
      return from_bf16(half);
    case Element::u8:
      return static_cast<float>(*place);
  }
  return value;
}

}  // namespace

const std::vector<std::string_view>& case_patterns() {
  static const std::vector<std::string_view> patterns{
      "dense",      "block:4x4",  "block:4x8",   "block:8x4",        "block:8x8",
      "block:8x16", "block:16x8", "block:16x16", "block:32x32",      "block:16x4",
      "block:4x16", "block:8x1",  "block:1x8",   "nm:1:4",           "nm:2:4",
      "nm:4:8",     "nm:2:8",     "nm:1:8",      "unstructured@0.8", "unstructured@0.95",
      "channel"};
  return patterns;
}

const std::vector<std::array<std::int64_t, 2>>& case_kernels() {
  static const std::vector<std::array<std::int64_t, 2>> kernels{{1, 1}, {3, 3}, {5, 5}, {7, 7},
                                                                {1, 7}, {7, 1}, {1, 3}, {3, 1}};
  return kernels;
}

ConvCase sample_case(Element element, std::uint64_t seed, std::uint64_t index,
                     std::int64_t most_macs) {
  ConvCase plan;
  plan.element = element;
  plan.seed = (seed << 32U) + index;
  plan.pattern = case_patterns()[index % case_patterns().size()];
  Rng rng = stream(plan, static_cast<std::uint64_t>(element));
  do {
    plan.shape = {};
    plan.shape.kernel = case_kernels()[index / case_patterns().size() % case_kernels().size()];
    sample_shape(rng, plan.shape);
  } while (plan.shape.out_height() < 1 || plan.shape.out_width() < 1 ||
           plan.shape.macs() > most_macs);
  const bool bytes = element == Element::u8;
  plan.output = rng.bernoulli(0.7) ? element : Element::f32;
  plan.input_zero_point = bytes ? pick(rng, {0, 0, 128, 3}) : 0;
  plan.output_zero_point = plan.output == Element::u8 ? pick(rng, {0, 128, 5}) : 0;
  plan.integers = bytes || rng.bernoulli(0.6);
  plan.scale = bytes || rng.bernoulli(0.5);
  plan.bias = rng.bernoulli(0.7);
  plan.residual = rng.bernoulli(0.4);
  plan.in_place = plan.residual && rng.bernoulli(0.5);
  plan.clip = rng.bernoulli(0.5);
  plan.full = rng.bernoulli(0.05);
  plan.empty = !plan.full && rng.bernoulli(0.04);
  for (std::int64_t* shift : {&plan.input_shift, &plan.residual_shift, &plan.output_shift}) {
    *shift = rng.bernoulli(0.5) ? 4 * static_cast<std::int64_t>(rng.below(16)) : 0;
  }
  plan.threads = pick(rng, {1, 1, 1, 2, 3});
  return plan;
}

std::string describe(const ConvCase& plan) {
  const ConvShape& s = plan.shape;
  std::string text = fmt::format(
      "seed {}: {} -> {}, {}, kernel {}x{}, {} images {}x{}, {} -> {} channels in {} groups, "
      "stride "
      "{},{}, dilation {},{}, padding {},{},{},{}, {} threads",
      plan.seed, to_string(plan.element), to_string(plan.output), plan.pattern, s.kernel[0],
      s.kernel[1], s.images, s.height, s.width, s.in_channels, s.out_channels, s.groups,
      s.stride[0], s.stride[1], s.dilation[0], s.dilation[1], s.pad_top, s.pad_left, s.pad_bottom,
      s.pad_right, plan.threads);
  if (plan.integers) text += ", integers";
  if (plan.scale) text += ", scale";
  if (plan.bias) text += ", bias";
  if (plan.clip) text += ", clip";
  if (plan.residual) text += plan.in_place ? ", residual in place" : ", residual";
  if (plan.full) text += ", full mask";
  if (plan.empty) text += ", empty mask";
  return text + fmt::format(", zero points {} -> {}, shifts {},{},{}", plan.input_zero_point,
                            plan.output_zero_point, plan.input_shift, plan.residual_shift,
                            plan.output_shift);
}

ConvData::ConvData(const ConvCase& plan)
    : plan_(plan),
      weights_(draw_tensor(plan, plan.shape.weight_shape(), 2, true)),
      mask_(make_mask(plan)),
      input_(draw_tensor(
          plan, {plan.shape.images, plan.shape.in_channels, plan.shape.height, plan.shape.width}, 3,
          false)) {
  if (mask_) mask_->apply(weights_);
  layer_.name = "case";
  layer_.shape = plan.shape;
  layer_.element = plan.element;
  layer_.input_zero_point = plan.input_zero_point;
  layer_.weights = &weights_;
  layer_.mask = mask_ ? &*mask_ : nullptr;
  sample_epilogue(plan, layer_.epilogue);
  if (plan.residual) {
    residual_ = draw_tensor(plan,
                            {plan.shape.images, plan.shape.out_channels, plan.shape.out_height(),
                             plan.shape.out_width()},
                            4, false);
  }
  expected_ = reference_conv(layer_, input_, plan.residual ? &residual_ : nullptr);
}

std::vector<unsigned char> ConvData::run(const ConvOptions& options) const {
  const ConvPlan conv(layer_, options);
  const Bytes input(conv.input().size_bytes(), plan_.input_shift);
  const Bytes output(conv.output().size_bytes(), plan_.output_shift);
  const Bytes apart(conv.output().size_bytes(), plan_.residual_shift);
  const Bytes scratch(conv.scratch_bytes(), 0);
  const unsigned char* residual = plan_.in_place ? output.data() : apart.data();
  fill(conv.input(), input_, input.data());
  if (plan_.residual) {
    fill(conv.output(), residual_, plan_.in_place ? output.data() : apart.data());
  }
  conv.run({input.data(), plan_.residual ? residual : nullptr, output.data(), scratch.data()});
  if (!output.untouched_before() || !scratch.untouched_before()) {
    throw Error(ErrorKind::internal, "a write before the output or the scratch memory");
  }
  return {output.data(), output.data() + conv.output().size_bytes()};
}

std::string ConvData::difference(const std::vector<unsigned char>& bytes) const {
  return difference(bytes, plan_.integers ? Tensor(expected_.bound.shape) : expected_.bound);
}

std::string ConvData::difference(const std::vector<unsigned char>& bytes,
                                 const Tensor& bounds) const {
  const ConvShape& shape = plan_.shape;
  const Planes planes = planes_of(plan_.output, shape.images, shape.out_channels,
                                  shape.out_height(), shape.out_width(), plan_.output_zero_point);
  const std::int64_t image = planes.height * planes.width;
  const std::int64_t filled = planes.planes() * channels_per_word(planes.element);
  for (std::int64_t n = 0; n < planes.images; ++n) {
    for (std::int64_t c = 0; c < filled; ++c) {
      for (std::int64_t i = 0; i < image; ++i) {
        const float got = stored_value(planes, bytes.data(), c, n * image + i);
        float want = static_cast<float>(planes.zero_point);
        float bound = 0.0F;
        if (c < planes.channels) {
          const auto at = static_cast<std::size_t>((n * planes.channels + c) * image + i);
          want = expected_.output.values[at];
          bound = bounds.values[at];
        }
        // Written so that NaN is a difference.
        if (std::abs(got - want) <= bound) continue;
        return fmt::format("image {}, channel {}{}, row {}, column {}: {} instead of {} (+-{})", n,
                           c, c < planes.channels ? "" : " (which fills up the word)",
                           i / planes.width, i % planes.width, got, want, bound);
      }
    }
  }
  return {};
}

std::vector<std::string_view> runnable_implementations(Element element) {
  std::vector<std::string_view> names;
  for (const ImplementationInfo& info : list_implementations()) {
    if (info.element == to_string(element) && info.refusal.empty()) names.push_back(info.name);
  }
  return names;
}

}  // namespace wbs::kernels
