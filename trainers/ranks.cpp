#include "trainers/ranks.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <barrier>
#include <cstring>

#include "core/error.hpp"

namespace wbs::trainers {
namespace {

class OneRank final : public Ranks {
 public:
  [[nodiscard]] int rank() const noexcept override { return 0; }
  [[nodiscard]] int size() const noexcept override { return 1; }
  void sum(std::span<float> /*values*/) override {}
};

/// What the threads of one group share.
struct Meeting {
  explicit Meeting(int size) : arrived(size), values(static_cast<std::size_t>(size)) {}
  std::barrier<> arrived;
  std::vector<std::span<float>> values;
};

class ThreadRank final : public Ranks {
 public:
  ThreadRank(std::shared_ptr<Meeting> meeting, int rank)
      : meeting_(std::move(meeting)), rank_(rank) {}
  [[nodiscard]] int rank() const noexcept override { return rank_; }
  [[nodiscard]] int size() const noexcept override {
    return static_cast<int>(meeting_->values.size());
  }
  void sum(std::span<float> values) override {
    meeting_->values[static_cast<std::size_t>(rank_)] = values;
    meeting_->arrived.arrive_and_wait();
    std::vector<float> total(meeting_->values[0].begin(), meeting_->values[0].end());
    for (std::size_t other = 1; other < meeting_->values.size(); ++other) {
      const std::span<const float> terms = meeting_->values[other];
      WBS_ASSERT(terms.size() == total.size());
      for (std::size_t i = 0; i < total.size(); ++i) total[i] += terms[i];
    }
    meeting_->arrived.arrive_and_wait();  // everybody has read
    std::copy(total.begin(), total.end(), values.begin());
  }

 private:
  std::shared_ptr<Meeting> meeting_;
  int rank_;
};

}  // namespace

std::unique_ptr<Ranks> one_rank() {
  return std::make_unique<OneRank>();
}

std::vector<std::unique_ptr<Ranks>> thread_ranks(int size) {
  const auto meeting = std::make_shared<Meeting>(size);
  std::vector<std::unique_ptr<Ranks>> ranks;
  for (int rank = 0; rank < size; ++rank) {
    ranks.push_back(std::make_unique<ThreadRank>(meeting, rank));
  }
  return ranks;
}

Part part_of(std::int64_t count, int rank, int size) noexcept {
  const std::int64_t begin = count * rank / size;
  return {begin, count * (rank + 1) / size - begin};
}

void sum_over(Ranks& ranks, std::span<torch::Tensor> tensors) {
  if (ranks.size() == 1) return;
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> flat;
  for (const torch::Tensor& tensor : tensors) {
    if (tensor.defined())
      flat.push_back(tensor.detach().to(torch::kCPU, torch::kFloat32).reshape(-1));
  }
  if (flat.empty()) return;
  const torch::Tensor all = at::cat(flat).contiguous();
  ranks.sum({all.data_ptr<float>(), static_cast<std::size_t>(all.numel())});
  std::int64_t begin = 0;
  for (const torch::Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    tensor.copy_(all.narrow(0, begin, tensor.numel()).view(tensor.sizes()));
    begin += tensor.numel();
  }
}

}  // namespace wbs::trainers
