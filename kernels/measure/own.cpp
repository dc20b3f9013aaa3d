#include "kernels/measure/own.hpp"

#include <vector>

#include "kernels/buffer.hpp"

namespace wbs::kernels::measure {
namespace {

struct Activations {
  Buffer input, output;
};

class OwnContestant final : public peers::Contestant {
 public:
  OwnContestant(const peers::Problem& problem, const peers::Setup& setup,
                const ConvOptions& options)
      : problem_(&problem) {
    for (int i = 0; i < setup.weight_copies; ++i) plans_.emplace_back(problem.layer, options);
    const ConvPlan& plan = plans_.front();
    for (int i = 0; i < setup.activation_copies; ++i) {
      Activations& made = activations_.emplace_back(
          Activations{Buffer(static_cast<std::size_t>(plan.input().size_bytes())),
                      Buffer(static_cast<std::size_t>(plan.output().size_bytes()))});
      to_planes(plan.input(), problem.input.values.data(), 1.0F, made.input.data());
    }
    scratch_ = Buffer(static_cast<std::size_t>(plan.scratch_bytes()));
  }

  [[nodiscard]] peers::ContestantInfo info() const override {
    const ConvPlan& plan = plans_.front();
    std::string implementation(plan.implementation());
    if (!plan.packing().empty()) implementation += ", " + std::string(plan.packing());
    return {"wbs", std::string(plan.algorithm()), std::move(implementation), plan.weight_bytes(),
            plan.input().size_bytes() + plan.output().size_bytes()};
  }

  void reset(int round) override {
    if (problem_->residual.values.empty()) return;
    to_planes(plans_.front().output(), problem_->residual.values.data(), 1.0F,
              activations(round).output.data());
  }

  void run(int round) noexcept override {
    Activations& data = activations(round);
    plans_[static_cast<std::size_t>(round) % plans_.size()].run(
        {data.input.data(), data.output.data(), data.output.data(), scratch_.data()});
  }

  [[nodiscard]] Tensor output(int round) const override {
    Tensor out(peers::output_shape(problem_->layer.shape));
    const Activations& data = activations_[static_cast<std::size_t>(round) % activations_.size()];
    from_planes(plans_.front().output(), data.output.data(), 1.0F, out.values.data());
    return out;
  }

 private:
  Activations& activations(int round) noexcept {
    return activations_[static_cast<std::size_t>(round) % activations_.size()];
  }

  const peers::Problem* problem_;
  std::vector<ConvPlan> plans_;
  std::vector<Activations> activations_;
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
