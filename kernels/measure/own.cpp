#include "kernels/measure/own.hpp"

#include <vector>

#include "kernels/buffer.hpp"

namespace wbs::kernels::measure {
namespace {

/// One copy: packed weights and activations.
struct Copy {
  ConvPlan plan;
  Buffer input, output;
};

class OwnContestant final : public peers::Contestant {
 public:
  OwnContestant(const peers::Problem& problem, const peers::Setup& setup,
                const ConvOptions& options)
      : problem_(&problem) {
    for (int i = 0; i < setup.copies; ++i) {
      ConvPlan plan(problem.layer, options);
      Buffer input(static_cast<std::size_t>(plan.input().size_bytes()));
      Buffer output(static_cast<std::size_t>(plan.output().size_bytes()));
      to_planes(plan.input(), problem.input.values.data(), 1.0F, input.data());
      copies_.push_back({std::move(plan), std::move(input), std::move(output)});
    }
    scratch_ = Buffer(static_cast<std::size_t>(copies_.front().plan.scratch_bytes()));
  }

  [[nodiscard]] peers::ContestantInfo info() const override {
    const ConvPlan& plan = copies_.front().plan;
    return {"wbs", std::string(plan.algorithm()),
            std::string(plan.implementation()) + ", " + std::string(plan.packing()),
            plan.weight_bytes(), plan.input().size_bytes() + plan.output().size_bytes()};
  }

  void reset(int copy) override {
    if (problem_->residual.values.empty()) return;
    Copy& at = copies_[static_cast<std::size_t>(copy)];
    to_planes(at.plan.output(), problem_->residual.values.data(), 1.0F, at.output.data());
  }

  void run(int copy) noexcept override {
    Copy& at = copies_[static_cast<std::size_t>(copy)];
    at.plan.run({at.input.data(), at.output.data(), at.output.data(), scratch_.data()});
  }

  [[nodiscard]] Tensor output(int copy) const override {
    const Copy& at = copies_[static_cast<std::size_t>(copy)];
    Tensor out(peers::output_shape(problem_->layer.shape));
    from_planes(at.plan.output(), at.output.data(), 1.0F, out.values.data());
    return out;
  }

 private:
  const peers::Problem* problem_;
  std::vector<Copy> copies_;
  Buffer scratch_;
};

}  // namespace

Result<std::unique_ptr<peers::Contestant>> make_own(const peers::Problem& problem,
                                                    const peers::Setup& setup,
                                                    const OwnChoice& choice) {
  ConvOptions options;
  options.algorithm = choice.algorithm;
  options.force_impl = choice.force_impl;
  options.threads = setup.threads;
  try {
    return std::make_unique<OwnContestant>(problem, setup, options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    return refusal(error.what());
  }
}

}  // namespace wbs::kernels::measure
