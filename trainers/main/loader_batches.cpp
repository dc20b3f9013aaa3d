#include "trainers/main/loader_batches.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>

#include "core/error.hpp"
#include "trainers/ranks.hpp"
#include "trainers/tensors.hpp"

namespace wbs::trainers {
namespace {

class LoaderBatches final : public BatchSource {
 public:
  LoaderBatches(const datasets::Dataset& data, datasets::LoaderOptions options)
      : data_(data), options_(std::move(options)) {
    datasets::LoaderOptions counting = options_;
    counting.threads = 0;
    batches_ = datasets::Loader(data_, counting).batches();
  }

  [[nodiscard]] std::int64_t batches() const override { return batches_; }

  void start(std::int64_t epoch, std::int64_t batch) override {
    options_.epoch = epoch;
    options_.first_batch = batch;
    loader_.reset();
    loader_ = std::make_unique<datasets::Loader>(data_, options_);
  }

  std::optional<ImageBatch> next() override {
    std::optional<datasets::Batch> batch = loader_->next();
    if (!batch) return std::nullopt;
    if (std::find(batch->labels.begin(), batch->labels.end(), -1) != batch->labels.end()) {
      throw Error(ErrorKind::input,
                  fmt::format("'{}' has images without a class: they cannot be trained on",
                              data_.source()));
    }
    const datasets::Shard& shard = options_.shard;
    return ImageBatch{
        to_torch(batch->images), torch::tensor(batch->labels, torch::kInt64),
        part_of(batch->global_size, static_cast<int>(shard.rank), static_cast<int>(shard.ranks))
            .begin,
        batch->global_size, std::move(batch->skipped)};
  }

  [[nodiscard]] std::string identity() const override {
    const datasets::Transform& t = options_.transform;
    std::string text = fmt::format(
        "{}: {} images of {} classes, batch {}, resize {}, crop {}, pad {}, channels {}",
        data_.source(), data_.size(), data_.classes().size(), options_.batch, t.resize_shorter,
        t.crop, t.pad, t.channels);
    for (std::size_t i = 0; i < 3; ++i) text += fmt::format(", {}/{}", t.mean[i], t.deviation[i]);
    if (options_.augmentation) {
      const datasets::Augmentation& a = *options_.augmentation;
      text += fmt::format(", resized crop {}, random crop {} with {}, flip {}, cutout {}",
                          a.resized_crop.has_value(), a.random_crop, a.pad, a.flip, a.cutout);
    }
    return text;
  }

 private:
  const datasets::Dataset& data_;
  datasets::LoaderOptions options_;
  std::int64_t batches_ = 0;
  std::unique_ptr<datasets::Loader> loader_;
};

}  // namespace

std::unique_ptr<BatchSource> loader_batches(const datasets::Dataset& data,
                                            datasets::LoaderOptions options) {
  return std::make_unique<LoaderBatches>(data, std::move(options));
}

}  // namespace wbs::trainers
