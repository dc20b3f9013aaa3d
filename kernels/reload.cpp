#include "kernels/reload.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "core/error.hpp"

namespace wbs::kernels {

Tensor numbered_weights(const Shape& shape) {
  Tensor numbered(shape);
  std::int32_t number = 0;
  for (float& value : numbered.values) value = std::bit_cast<float>(++number);
  return numbered;
}

std::vector<std::int32_t> packed_places(const PackedWeights& numbered) {
  std::vector<std::int32_t> places(static_cast<std::size_t>(numbered.word_count));
  const bool listed = has_listed_words(numbered.packing);
  const std::byte* words = numbered.words.data();
  for (std::size_t k = 0; k < places.size(); ++k) {
    const std::byte* word = listed ? words + k * sizeof(ListedWord) + offsetof(ListedWord, weights)
                                   : words + k * sizeof(std::uint32_t);
    std::memcpy(&places[k], word, sizeof(std::int32_t));
    --places[k];
  }
  return places;
}

void reload_words(const std::vector<std::int32_t>& sources, const float* values,
                  PackedWeights& packed) noexcept {
  const bool listed = has_listed_words(packed.packing);
  const std::size_t step = listed ? sizeof(ListedWord) : sizeof(float);
  std::byte* word = packed.words.data() + (listed ? offsetof(ListedWord, weights) : 0);
  for (const std::int32_t source : sources) {
    if (source >= 0) std::memcpy(word, values + source, sizeof(float));
    word += step;
  }
}

void check_reload_sources(const ConvLayer& layer, const std::vector<std::int32_t>* sources) {
  if (sources == nullptr) return;
  if (layer.element != Element::f32) {
    throw Error(ErrorKind::unsupported,
                fmt::format("layer {}: only fp32 weights can be reloaded", layer.name));
  }
  if (sources->size() != layer.weights->values.size()) {
    throw Error(ErrorKind::input,
                fmt::format("layer {}: {} reload places for {} weights", layer.name,
                            sources->size(), layer.weights->values.size()));
  }
}

}  // namespace wbs::kernels
