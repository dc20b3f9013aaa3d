// What every algorithm of a convolution offers to ConvPlan.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kernels/conv.hpp"
#include "kernels/implementations.hpp"

namespace wbs::kernels {

/// A planned convolution by one algorithm. Virtual because layers choose it at run time.
class ConvKernel {
 public:
  ConvKernel(const ConvLayer& layer, const Implementation& implementation);
  ConvKernel(const ConvKernel&) = delete;
  ConvKernel& operator=(const ConvKernel&) = delete;
  virtual ~ConvKernel() = default;

  virtual void run(const ConvBuffers& buffers) const noexcept = 0;
  virtual void reload(const float* values) noexcept = 0;
  [[nodiscard]] virtual std::int64_t scratch_bytes() const noexcept = 0;
  [[nodiscard]] virtual std::int64_t weight_bytes() const noexcept = 0;
  [[nodiscard]] virtual std::int64_t packed_macs() const noexcept = 0;
  [[nodiscard]] virtual std::string_view algorithm() const noexcept = 0;
  [[nodiscard]] virtual std::string_view packing() const noexcept = 0;

  [[nodiscard]] const Planes& input() const noexcept { return input_; }
  [[nodiscard]] const Planes& output() const noexcept { return output_; }
  [[nodiscard]] std::string_view implementation() const noexcept { return implementation_; }

 private:
  Planes input_;
  Planes output_;
  std::string_view implementation_;
};

[[nodiscard]] std::unique_ptr<ConvKernel> make_direct_conv(const ConvLayer& layer,
                                                           const Implementation& implementation,
                                                           const ConvOptions& options);

/// F(tile x tile, 3x3), `tile` = 2 or 4. Throws Error(unsupported) for other layers than fp32 3x3
/// ones with stride and dilation 1, and for an implementation without transforms.
[[nodiscard]] std::unique_ptr<ConvKernel> make_winograd_conv(const ConvLayer& layer,
                                                             const Implementation& implementation,
                                                             int tile, const ConvOptions& options);

/// Why make_winograd_conv() would refuse; empty when it would not.
[[nodiscard]] std::string winograd_refusal(const ConvLayer& layer,
                                           const Implementation& implementation);

}  // namespace wbs::kernels
