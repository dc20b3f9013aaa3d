#include "trainers/batch_norm.hpp"

#include <torch/torch.h>

#include <array>

namespace wbs::trainers {
namespace {

using torch::Tensor;

/// All axes but that of the channels.
std::vector<std::int64_t> other_axes(const Tensor& x) {
  std::vector<std::int64_t> axes{0};
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) axes.push_back(axis);
  return axes;
}

/// [c] so that it broadcasts over x.
Tensor per_channel(const Tensor& values, const Tensor& x) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[1] = x.size(1);
  return values.view(shape);
}

/// The ranks, where autograd's context can hold them; they outlive the backward pass.
struct RanksHandle final : torch::CustomClassHolder {
  explicit RanksHandle(Ranks& given) : ranks(given) {}
  Ranks& ranks;
};

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias with mean and variance over all ranks.
class SynchronisedNorm final : public torch::autograd::Function<SynchronisedNorm> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x,
                        const Tensor& scale, const Tensor& bias, const Tensor& mean,
                        const Tensor& inverse, double count,
                        const c10::intrusive_ptr<RanksHandle>& ranks) {
    const Tensor normalised =
        (x.to(torch::kFloat32) - per_channel(mean, x)) * per_channel(inverse, x);
    context->save_for_backward({normalised, scale, inverse});
    context->saved_data["count"] = count;
    context->saved_data["ranks"] = torch::IValue::make_capsule(ranks);
    return (normalised * per_channel(scale, x) + per_channel(bias, x)).to(x.scalar_type());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& normalised = saved[0];
    const Tensor dy = gradients[0].to(torch::kFloat32);
    const auto handle =
        c10::static_intrusive_pointer_cast<RanksHandle>(context->saved_data["ranks"].toCapsule());
    const std::vector<std::int64_t> axes = other_axes(dy);
    const Tensor own_bias = dy.sum(axes);
    const Tensor own_scale = (dy * normalised).sum(axes);
    std::array<Tensor, 2> sums{own_bias.clone(), own_scale.clone()};
    sum_over(handle->ranks, sums);
    const double count = context->saved_data["count"].toDouble();
    const Tensor dx =
        (dy - per_channel(sums[0] / count, dy) - normalised * per_channel(sums[1] / count, dy)) *
        per_channel(saved[1] * saved[2], dy);
    // Scale and bias get this rank's part: the trainer sums all parameters' gradients.
    return {dx.to(gradients[0].scalar_type()),
            own_scale,
            own_bias,
            Tensor(),
            Tensor(),
            Tensor(),
            Tensor()};
  }
};

Tensor synchronised(const Tensor& x, const NormTensors& tensors, double epsilon, double momentum,
                    Ranks& ranks) {
  Tensor mean;
  Tensor variance;
  double count = 0.0;
  {
    const torch::NoGradGuard no_grad;
    const Tensor wide = x.detach().to(torch::kFloat32);
    const std::vector<std::int64_t> axes = other_axes(wide);
    const auto own = static_cast<double>(wide.numel()) / static_cast<double>(wide.size(1));
    std::array<Tensor, 2> first{wide.sum(axes), torch::full({1}, own)};
    sum_over(ranks, first);
    count = first[1].item<double>();
    mean = first[0] / count;
    std::array<Tensor, 1> squares{(wide - per_channel(mean, wide)).square().sum(axes)};
    sum_over(ranks, squares);
    variance = squares[0] / count;
    tensors.mean.mul_(1.0 - momentum).add_(mean, momentum);
    tensors.variance.mul_(1.0 - momentum).add_(squares[0], momentum / std::max(1.0, count - 1.0));
  }
  const Tensor inverse = (variance + epsilon).rsqrt();
  return SynchronisedNorm::apply(x, tensors.scale, tensors.bias, mean, inverse, count,
                                 c10::make_intrusive<RanksHandle>(ranks));
}

}  // namespace

torch::Tensor batch_norm_training(const torch::Tensor& x, const NormTensors& tensors,
                                  double epsilon, double momentum, Ranks& ranks) {
  if (ranks.size() > 1) return synchronised(x, tensors, epsilon, momentum, ranks);
  return at::batch_norm(x, tensors.scale, tensors.bias, tensors.mean, tensors.variance,
                        /*training=*/true, momentum, epsilon, /*cudnn_enabled=*/true);
}

torch::Tensor batch_norm_inference(const torch::Tensor& x, const NormTensors& tensors,
                                   double epsilon) {
  return at::batch_norm(x, tensors.scale, tensors.bias, tensors.mean, tensors.variance,
                        /*training=*/false, /*momentum=*/0.0, epsilon, /*cudnn_enabled=*/true);
}

}  // namespace wbs::trainers
