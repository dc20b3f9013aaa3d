#include "trainers/sparse_product.hpp"

#include <torch/torch.h>

#include <utility>

#include "core/error.hpp"

namespace wbs::trainers {
namespace {

using torch::Tensor;

class DenseBackend final : public ProductBackend {
 public:
  explicit DenseBackend(const ProductShape& shape) : shape_(shape) {}

  [[nodiscard]] Tensor forward(const Tensor& x, const Tensor& weight) const override {
    return plain_product(x, weight, {}, shape_);
  }

  [[nodiscard]] Tensor input_gradient(const Tensor& output_gradient, const Tensor& x,
                                      const Tensor& weight) const override {
    if (shape_.linear) return at::matmul(output_gradient, weight);
    return std::get<0>(convolution_gradients(output_gradient, x, weight, {true, false, false}));
  }

  [[nodiscard]] Tensor weight_gradient(const Tensor& output_gradient, const Tensor& x,
                                       const Tensor& weight) const override {
    if (shape_.linear) {
      const Tensor rows = output_gradient.reshape({-1, weight.size(0)});
      return at::matmul(rows.t(), x.reshape({-1, weight.size(1)}));
    }
    return std::get<1>(convolution_gradients(output_gradient, x, weight, {false, true, false}));
  }

 private:
  [[nodiscard]] std::tuple<Tensor, Tensor, Tensor> convolution_gradients(
      const Tensor& output_gradient, const Tensor& x, const Tensor& weight,
      std::array<bool, 3> wanted) const {
    return torch::convolution_backward(output_gradient, x, weight, at::OptionalIntArrayRef(),
                                       shape_.stride, shape_.padding, shape_.dilation,
                                       /*transposed=*/false,
                                       /*output_padding=*/{0, 0}, shape_.groups, wanted);
  }

  ProductShape shape_;
};

/// The products of one call; autograd's context holds it by reference count. Tensors here are
/// constants to autograd and may be undefined, which arguments of its functions may not.
struct Plan final : torch::CustomClassHolder {
  std::shared_ptr<const ProductBackend> backend;
  LayerProducts products;
};

class SparseProduct final : public torch::autograd::Function<SparseProduct> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x,
                        const Tensor& weight, const c10::intrusive_ptr<Plan>& plan) {
    const LayerProducts& products = plan->products;
    const Tensor own = weight.to(x.scalar_type());
    const auto operand = [&](const Tensor& given) {
      return given.defined() ? given.to(x.scalar_type()) : own;
    };
    context->save_for_backward({x, operand(products.backward_weight)});
    context->saved_data["plan"] = torch::IValue::make_capsule(plan);
    return plan->backend->forward(x, operand(products.forward_weight));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto plan =
        c10::static_intrusive_pointer_cast<Plan>(context->saved_data["plan"].toCapsule());
    const LayerProducts& products = plan->products;
    const Tensor& given = gradients[0];
    Tensor input_gradient;
    if (context->needs_input_grad(0)) {
      const auto& prune = products.prune_output_gradient;
      input_gradient =
          plan->backend->input_gradient(prune ? prune(given) : given, saved[0], saved[1]);
    }
    Tensor weight_gradient;
    if (context->needs_input_grad(1)) {
      weight_gradient = plan->backend->weight_gradient(given, saved[0], saved[1])
                            .to(torch::kFloat32)
                            .contiguous();
      if (products.weight_gradient_mask.defined()) {
        weight_gradient = weight_gradient * products.weight_gradient_mask;
      }
    }
    return {input_gradient, weight_gradient, Tensor()};
  }
};

}  // namespace

std::shared_ptr<const ProductBackend> dense_backend(const ProductShape& shape) {
  return std::make_shared<DenseBackend>(shape);
}

torch::Tensor plain_product(const torch::Tensor& x, const torch::Tensor& weight,
                            const torch::Tensor& bias, const ProductShape& shape) {
  const Tensor operand = weight.to(x.scalar_type());
  const Tensor added = bias.defined() ? bias.to(x.scalar_type()) : bias;
  if (shape.linear) return at::linear(x, operand, added);
  return at::conv2d(x, operand, added, shape.stride, shape.padding, shape.dilation, shape.groups);
}

torch::Tensor sparse_product(const torch::Tensor& x, const torch::Tensor& weight,
                             const torch::Tensor& bias, const LayerProducts& products,
                             const std::shared_ptr<const ProductBackend>& backend) {
  WBS_ASSERT(!products.forward_weight.defined() || !products.forward_weight.requires_grad());
  auto plan = c10::make_intrusive<Plan>();
  plan->backend = backend;
  plan->products = products;
  Tensor result = SparseProduct::apply(x, weight, plan);
  if (!bias.defined()) return result;
  const Tensor added = bias.to(result.scalar_type());
  return result + (weight.dim() == 4 ? added.view({1, -1, 1, 1}) : added);
}

bool is_dense(const LayerProducts& products) {
  return !products.forward_weight.defined() && !products.backward_weight.defined() &&
         !products.prune_output_gradient && !products.weight_gradient_mask.defined();
}

}  // namespace wbs::trainers
