// Data-parallel training as the trainer sees it: sums over ranks, nothing else.
#pragma once

#include <torch/types.h>

#include <memory>
#include <span>
#include <vector>

namespace wbs::trainers {

/// The ranks of one training run. All calls of sum() are collective: every rank makes the same ones
/// in the same order with spans of the same length.
class Ranks {
 public:
  Ranks() = default;
  virtual ~Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  [[nodiscard]] virtual int rank() const noexcept = 0;
  [[nodiscard]] virtual int size() const noexcept = 0;

  /// Replaces every value by its sum over the ranks: ((v0 + v1) + v2) + ..., in the order of the
  /// ranks, so the same bits on every rank and in every run. Throws Error(io) when a rank is gone.
  virtual void sum(std::span<float> values) = 0;
};

/// Training without others: rank 0 of 1; sum() changes nothing.
[[nodiscard]] std::unique_ptr<Ranks> one_rank();

/// Ranks of one process, one a thread. Each element is used by one thread; all must be used.
[[nodiscard]] std::vector<std::unique_ptr<Ranks>> thread_ranks(int size);

/// The part of `count` items in order that rank `rank` of `size` works on: [count * rank / size,
/// count * (rank + 1) / size), as datasets/ shards its batches.
struct Part {
  std::int64_t begin = 0;
  std::int64_t count = 0;
};
[[nodiscard]] Part part_of(std::int64_t count, int rank, int size) noexcept;

/// Replaces the tensors by their sums over the ranks, in place, in fp32 and in one collective call.
/// Undefined ones are skipped (on every rank the same).
void sum_over(Ranks& ranks, std::span<torch::Tensor> tensors);

}  // namespace wbs::trainers
