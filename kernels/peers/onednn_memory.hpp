// Small parts that both users of oneDNN need: types, plain descriptors, memory of ours. Includes
// oneDNN, so only the peers' folders may include it.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "kernels/buffer.hpp"
#include "kernels/element.hpp"

namespace wbs::kernels::peers {

[[nodiscard]] inline dnnl::memory::data_type activation_type(Element element) {
  using Type = dnnl::memory::data_type;
  return element == Element::f32 ? Type::f32 : element == Element::bf16 ? Type::bf16 : Type::u8;
}

[[nodiscard]] inline dnnl::memory::data_type weight_type(Element element) {
  return element == Element::u8 ? dnnl::memory::data_type::s8 : activation_type(element);
}

/// Row-major, up to five dimensions.
[[nodiscard]] inline dnnl::memory::desc plain_descriptor(
    const dnnl::memory::dims& dims, dnnl::memory::data_type type = dnnl::memory::data_type::f32) {
  using Tag = dnnl::memory::format_tag;
  constexpr Tag kPlain[] = {Tag::undef, Tag::a, Tag::ab, Tag::abc, Tag::abcd, Tag::abcde};
  return {dims, type, kPlain[dims.size()]};
}

/// Memory in huge pages, like that of our own kernels.
struct OnednnBlock {
  Buffer bytes;
  dnnl::memory memory;

  OnednnBlock(const dnnl::memory::desc& descriptor, const dnnl::engine& engine)
      : bytes(descriptor.get_size()), memory(descriptor, engine, bytes.data()) {}

  /// Holds the row-major fp32 `values` of `dims`, converted to its type and format.
  void fill(const std::vector<float>& values, const dnnl::memory::dims& dims) {
    std::vector<float> copy = values;
    const dnnl::engine engine = memory.get_engine();
    dnnl::memory plain(plain_descriptor(dims), engine, copy.data());
    dnnl::stream stream(engine);
    dnnl::reorder(plain, memory).execute(stream, plain, memory);
    stream.wait();
  }
};

}  // namespace wbs::kernels::peers
