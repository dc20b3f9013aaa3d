// One-time mask: the least important weights of a trained model are zeroed once, then the model is
// trained on with the mask fixed. The scheme that gives the accuracy table of Weight Block
// Sparsity, arXiv 2407.09453, schemes (a), (d) and (e).
#include <torch/torch.h>

#include "trainers/methods/kinds.hpp"
#include "trainers/methods/masks.hpp"
#include "trainers/methods/options.hpp"
#include "trainers/methods/saliency.hpp"

namespace wbs::trainers {
namespace {

Result<void> accepts(const sparsity::Pattern& pattern) {
  return refuse_dense(pattern, "one_time");
}

class OneTime final : public FixedMaskMethod {
 public:
  explicit OneTime(const SaliencyRequest& request) : FixedMaskMethod(accepts), request_(request) {}

 private:
  std::vector<sparsity::Mask> choose(const MethodContext& context) override {
    for (const SparseLayer& layer : layers()) {
      require_fit(request_.saliency, layer.pattern, "one_time");
    }
    std::vector<sparsity::Mask> masks;
    const std::vector<Scores> scores = scores_of(layers(), context, request_);
    for (std::size_t i = 0; i < count(); ++i) {
      masks.push_back(mask_of(scores[i], layer(i).pattern));
    }
    return masks;
  }

  SaliencyRequest request_;
};

std::unique_ptr<Method> make(const nlohmann::json& options) {
  MethodOptions reader(options, "one_time");
  SaliencyRequest request;
  std::size_t saliency = 0;
  reader->read_choice("importance", saliency, saliency_names());
  reader->read("iterations", request.iterations, 1, 1000);
  reader->read("batches", request.batches, 0, 1'000'000);
  reader.done();
  request.saliency = static_cast<Saliency>(saliency);
  return std::make_unique<OneTime>(request);
}

}  // namespace

MethodKind one_time_kind() noexcept {
  return {"one_time",
          "prunes the least important weights once, then trains with the mask fixed",
          "Weight Block Sparsity, arXiv 2407.09453",
          make,
          accepts,
          true};
}

}  // namespace wbs::trainers
