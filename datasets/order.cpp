#include "datasets/order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "core/error.hpp"
#include "core/rng.hpp"

namespace wbs::datasets {
namespace {

void check(bool holds, const char* what, std::int64_t value) {
  if (!holds) throw Error(ErrorKind::usage, fmt::format("loading images: {} {}", what, value));
}

void check_options(std::int64_t images, const LoaderOptions& options) {
  check(options.batch > 0, "the batch must be positive, not", options.batch);
  check(options.epoch >= 0, "the epoch must not be negative, not", options.epoch);
  check(options.first_batch >= 0, "the first batch must not be negative, not", options.first_batch);
  check(options.shard.ranks > 0, "the number of ranks must be positive, not", options.shard.ranks);
  check(options.shard.rank >= 0 && options.shard.rank < options.shard.ranks, "there is no rank",
        options.shard.rank);
  for (const std::int64_t index : options.indices) {
    check(index >= 0 && index < images, "there is no image", index);
  }
}

}  // namespace

EpochOrder::EpochOrder(std::int64_t images, const LoaderOptions& options)
    : order_(options.indices), batch_(options.batch), shard_(options.shard) {
  check_options(images, options);
  if (order_.empty()) {
    order_.resize(static_cast<std::size_t>(images));
    std::iota(order_.begin(), order_.end(), std::int64_t{0});
  }
  if (options.shuffle) {
    const std::string name = fmt::format("order/{}", options.epoch);
    Rng rng(options.seed, stream_of(name.data(), name.size()));
    rng.shuffle(std::span<std::int64_t>(order_));
  }
  const auto count = static_cast<std::int64_t>(order_.size());
  batches_ = options.drop_last ? count / batch_ : (count + batch_ - 1) / batch_;
  if (options.drop_last) order_.resize(static_cast<std::size_t>(batches_ * batch_));
}

std::int64_t EpochOrder::images() const noexcept {
  return static_cast<std::int64_t>(order_.size());
}

std::span<const std::int64_t> EpochOrder::batch(std::int64_t number) const {
  WBS_ASSERT(number >= 0 && number < batches_);
  const auto first = static_cast<std::size_t>(number * batch_);
  const std::size_t count = std::min(static_cast<std::size_t>(batch_), order_.size() - first);
  return std::span(order_).subspan(first, count);
}

std::span<const std::int64_t> EpochOrder::part(std::int64_t number) const {
  const std::span<const std::int64_t> whole = batch(number);
  const auto size = static_cast<std::int64_t>(whole.size());
  const auto first = static_cast<std::size_t>(size * shard_.rank / shard_.ranks);
  const auto last = static_cast<std::size_t>(size * (shard_.rank + 1) / shard_.ranks);
  return whole.subspan(first, last - first);
}

}  // namespace wbs::datasets
