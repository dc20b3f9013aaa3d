#include "trainers/batches.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <numeric>

#include "core/digest.hpp"
#include "core/rng.hpp"
#include "trainers/ranks.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

class MemoryBatches final : public BatchSource {
 public:
  MemoryBatches(ImageSet set, std::int64_t batch, std::optional<std::uint64_t> seed, int rank,
                int ranks)
      : set_(std::move(set)), batch_(batch), seed_(seed), rank_(rank), ranks_(ranks) {}

  [[nodiscard]] std::int64_t batches() const override {
    const std::int64_t count = set_.images.size(0);
    return seed_ ? count / batch_ : (count + batch_ - 1) / batch_;
  }

  void start(std::int64_t epoch, std::int64_t batch) override {
    order_.resize(static_cast<std::size_t>(set_.images.size(0)));
    std::iota(order_.begin(), order_.end(), 0);
    if (seed_) Rng(*seed_, static_cast<std::uint64_t>(epoch)).shuffle(std::span(order_));
    next_ = batch;
  }

  std::optional<ImageBatch> next() override {
    if (next_ >= batches()) return std::nullopt;
    const std::int64_t begin = next_++ * batch_;
    const std::int64_t size = std::min(batch_, static_cast<std::int64_t>(order_.size()) - begin);
    const Part part = part_of(size, rank_, ranks_);
    const torch::Tensor chosen =
        torch::tensor(std::vector<std::int64_t>(order_.begin() + begin + part.begin,
                                                order_.begin() + begin + part.begin + part.count),
                      torch::kInt64);
    return ImageBatch{set_.images.index_select(0, chosen),
                      set_.labels.index_select(0, chosen),
                      part.begin,
                      size,
                      {}};
  }

  [[nodiscard]] std::string identity() const override {
    const StoredTensor images = stored_of(set_.images);
    const StoredTensor labels = stored_of(set_.labels);
    return fmt::format("memory {} {} batch {} seed {}", digest_of(std::span(images.bytes)),
                       digest_of(std::span(labels.bytes)), batch_,
                       seed_ ? static_cast<std::int64_t>(*seed_) : -1);
  }

 private:
  ImageSet set_;
  std::int64_t batch_;
  std::optional<std::uint64_t> seed_;
  int rank_;
  int ranks_;
  std::vector<std::int64_t> order_;
  std::int64_t next_ = 0;
};

}  // namespace

std::unique_ptr<BatchSource> memory_batches(ImageSet set, std::int64_t batch,
                                            std::optional<std::uint64_t> seed, int rank,
                                            int ranks) {
  return std::make_unique<MemoryBatches>(std::move(set), batch, seed, rank, ranks);
}

}  // namespace wbs::trainers
