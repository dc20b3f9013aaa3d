// oneDNN as a peer: its own memory formats, weights reordered once, epilogue as post-operations.
#include <array>
#include <cmath>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <vector>

#include "kernels/peers/backends.hpp"
#include "kernels/peers/library_threads.hpp"
#include "kernels/peers/onednn_memory.hpp"

namespace wbs::kernels::peers {
namespace {

using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;
using Dims = dnnl::memory::dims;
using Descriptor = dnnl::memory::desc;

/// A layer of one pixel per image is a matrix product, for which oneDNN has its own primitive.
bool is_product(const ConvShape& s) {
  return s.height == 1 && s.width == 1 && s.taps() == 1 && s.groups == 1;
}

Dims weight_dims(const ConvShape& s) {
  if (is_product(s)) return {s.out_channels, s.in_channels, 1, 1};
  if (s.groups == 1) return {s.out_channels, s.in_channels, s.kernel[0], s.kernel[1]};
  return {s.groups, s.out_channels / s.groups, s.in_channels / s.groups, s.kernel[0], s.kernel[1]};
}

std::optional<std::string> why_not(const ConvLayer& layer) {
  const Epilogue& epilogue = layer.epilogue;
  if (layer.input_zero_point != 0 || epilogue.output_zero_point != 0) {
    return "zero points are not prepared for oneDNN";
  }
  if (layer.element != Element::u8 && !epilogue.scale.empty()) {
    return "per-channel scales are prepared for int8 only";
  }
  return std::nullopt;
}

/// y = scale * (sum + bias) + residual_scale * residual, then the clip. A u8 output saturates at 0
/// by itself, which spares it a ReLU.
dnnl::primitive_attr attributes(const ConvLayer& layer) {
  const Epilogue& epilogue = layer.epilogue;
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (!epilogue.scale.empty()) attr.set_output_scales(1 << 1, epilogue.scale);
  dnnl::post_ops operations;
  if (epilogue.residual) operations.append_sum(epilogue.residual_scale);
  const bool saturates = layer.element == Element::u8 && epilogue.output == Element::u8;
  if (std::isinf(epilogue.high) && epilogue.low == 0.0F) {
    if (!saturates) operations.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
  } else if (!std::isinf(epilogue.high) || !std::isinf(epilogue.low)) {
    operations.append_eltwise(1.0F, dnnl::algorithm::eltwise_clip, epilogue.low, epilogue.high);
  }
  attr.set_post_ops(operations);
  return attr;
}

/// In oneDNN's int8 the bias joins the integer sum, before the scale.
std::vector<float> bias_values(const ConvLayer& layer) {
  const Epilogue& epilogue = layer.epilogue;
  std::vector<float> bias = epilogue.bias;
  bias.resize(static_cast<std::size_t>(layer.shape.out_channels), 0.0F);
  if (epilogue.scale.empty()) return bias;
  for (std::size_t i = 0; i < bias.size(); ++i) bias[i] /= epilogue.scale[i];
  return bias;
}

/// What both primitives need to know.
struct Descriptors {
  Descriptor source, weights, bias, destination;
};

Descriptors any_format(const ConvLayer& layer) {
  const ConvShape& s = layer.shape;
  return {{{s.images, s.in_channels, s.height, s.width}, activation_type(layer.element), Tag::any},
          {weight_dims(s), weight_type(layer.element), Tag::any},
          {{s.out_channels}, Type::f32, Tag::x},
          {output_shape(s), activation_type(layer.epilogue.output), Tag::any}};
}

dnnl::convolution_forward::primitive_desc convolution(const ConvLayer& layer,
                                                      dnnl::algorithm algorithm,
                                                      const dnnl::engine& engine) {
  const ConvShape& s = layer.shape;
  const Descriptors md = any_format(layer);
  // oneDNN counts a dense kernel as dilation 0.
  const dnnl::convolution_forward::desc operation(
      dnnl::prop_kind::forward_inference, algorithm, md.source, md.weights, md.bias, md.destination,
      {s.stride[0], s.stride[1]}, {s.dilation[0] - 1, s.dilation[1] - 1}, {s.pad_top, s.pad_left},
      {s.pad_bottom, s.pad_right});
  return {operation, attributes(layer), engine};
}

dnnl::inner_product_forward::primitive_desc product(const ConvLayer& layer,
                                                    const dnnl::engine& engine) {
  Descriptors md = any_format(layer);
  md.destination = {{layer.shape.images, layer.shape.out_channels},
                    activation_type(layer.epilogue.output),
                    Tag::any};
  const dnnl::inner_product_forward::desc operation(dnnl::prop_kind::forward_inference, md.source,
                                                    md.weights, md.bias, md.destination);
  return {operation, attributes(layer), engine};
}

using Block = OnednnBlock;

struct Parameters {
  Block weights, bias;
};

struct Activations {
  Block source, destination;
};

class OnednnContestant final : public Contestant {
 public:
  template <typename PrimitiveDescriptor, typename Primitive>
  OnednnContestant(const Problem& problem, const Setup& setup, const dnnl::engine& engine,
                   const PrimitiveDescriptor& chosen, const Primitive& primitive)
      : problem_(&problem),
        threads_(setup.threads),
        engine_(engine),
        stream_(engine),
        primitive_(primitive),
        scratchpad_(chosen.scratchpad_desc(), engine),
        implementation_(chosen.impl_info_str()) {
    const ConvShape& s = problem.layer.shape;
    for (int copy = 0; copy < setup.weight_copies; ++copy) {
      Parameters& made = parameters_.emplace_back(
          Parameters{{chosen.weights_desc(), engine}, {chosen.bias_desc(), engine}});
      made.weights.fill(problem.layer.weights->values, weight_dims(s));
      made.bias.fill(bias_values(problem.layer), {s.out_channels});
    }
    for (int copy = 0; copy < setup.activation_copies; ++copy) {
      Activations& made = activations_.emplace_back(
          Activations{{chosen.src_desc(), engine}, {chosen.dst_desc(), engine}});
      made.source.fill(problem.input.values, {s.images, s.in_channels, s.height, s.width});
    }
  }

  [[nodiscard]] ContestantInfo info() const override {
    const Parameters& parameters = parameters_.front();
    const Activations& data = activations_.front();
    const bool winograd = implementation_.find("wino") != std::string::npos;
    return {
        winograd ? "onednn-winograd" : "onednn", winograd ? "winograd" : "direct", implementation_,
        static_cast<std::int64_t>(parameters.weights.bytes.size() + parameters.bias.bytes.size()),
        static_cast<std::int64_t>(data.source.bytes.size() + data.destination.bytes.size())};
  }

  void reset(int round) override {
    if (problem_->residual.values.empty()) return;
    Activations& data = activations_[static_cast<std::size_t>(round) % activations_.size()];
    data.destination.fill(problem_->residual.values, destination_dims());
  }

  void run(int round) noexcept override {
    use_library_threads(threads_);
    const auto turn = static_cast<std::size_t>(round);
    const Parameters& parameters = parameters_[turn % parameters_.size()];
    const Activations& data = activations_[turn % activations_.size()];
    // The C call: the C++ one builds two containers per run.
    const std::array<dnnl_exec_arg_t, 5> arguments{
        {{DNNL_ARG_SRC, data.source.memory.get()},
         {DNNL_ARG_WEIGHTS, parameters.weights.memory.get()},
         {DNNL_ARG_BIAS, parameters.bias.memory.get()},
         {DNNL_ARG_DST, data.destination.memory.get()},
         {DNNL_ARG_SCRATCHPAD, scratchpad_.memory.get()}}};
    dnnl_primitive_execute(primitive_.get(), stream_.get(), static_cast<int>(arguments.size()),
                           arguments.data());
  }

  [[nodiscard]] Tensor output(int round) const override {
    Tensor out(output_shape(problem_->layer.shape));
    dnnl::memory plain(plain_descriptor(destination_dims()), engine_, out.values.data());
    dnnl::memory from =
        activations_[static_cast<std::size_t>(round) % activations_.size()].destination.memory;
    reorder(from, plain);
    return out;
  }

 private:
  [[nodiscard]] Dims destination_dims() const {
    const Dims dims = output_shape(problem_->layer.shape);
    return is_product(problem_->layer.shape) ? Dims{dims[0], dims[1]} : dims;
  }

  void reorder(dnnl::memory& from, dnnl::memory& to) const {
    dnnl::stream stream(engine_);
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
  }

  const Problem* problem_;
  int threads_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  Block scratchpad_;
  std::string implementation_;
  std::vector<Parameters> parameters_;
  std::vector<Activations> activations_;
};

MadePeer make(const Problem& problem, const Setup& setup, dnnl::algorithm algorithm) {
  if (const auto reason = why_not(problem.layer)) return refusal(*reason);
  // oneDNN chooses blocking by the number of threads that it sees when it plans.
  use_library_threads(setup.threads);
  try {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    if (is_product(problem.layer.shape)) {
      const auto chosen = product(problem.layer, engine);
      return std::make_unique<OnednnContestant>(problem, setup, engine, chosen,
                                                dnnl::inner_product_forward(chosen));
    }
    const auto chosen = convolution(problem.layer, algorithm, engine);
    return std::make_unique<OnednnContestant>(problem, setup, engine, chosen,
                                              dnnl::convolution_forward(chosen));
  } catch (const dnnl::error& error) {
    return refusal(std::string("oneDNN: ") + error.what());
  }
}

/// What this CPU and ONEDNN_MAX_CPU_ISA leave to oneDNN.
std::string widest_instructions() {
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_avx512_core_amx:
      return "AMX";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "AVX-512 BF16";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "AVX-512 VNNI";
    case dnnl_cpu_isa_avx512_core:
      return "AVX-512";
    case dnnl_cpu_isa_avx2_vnni:
      return "AVX-VNNI";
    case dnnl_cpu_isa_avx2:
      return "AVX2";
    default:
      return "older instructions";
  }
}

}  // namespace

Result<std::string> onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch) + " up to " + widest_instructions();
}

MadePeer make_onednn(const Problem& problem, const Setup& setup) {
  return make(problem, setup, dnnl::algorithm::convolution_direct);
}

MadePeer make_onednn_winograd(const Problem& problem, const Setup& setup) {
  const ConvShape& s = problem.layer.shape;
  if (problem.layer.element != Element::f32 || s.kernel != std::array<std::int64_t, 2>{3, 3} ||
      s.stride != std::array<std::int64_t, 2>{1, 1} || s.groups != 1) {
    return refusal("Winograd is for fp32 3x3 stride 1");
  }
  MadePeer made = make(problem, setup, dnnl::algorithm::convolution_winograd);
  if (made && (*made)->info().algorithm != "winograd") {
    return refusal("oneDNN made '" + (*made)->info().implementation + "' instead of Winograd");
  }
  return made;
}

}  // namespace wbs::kernels::peers
