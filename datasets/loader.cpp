#include "datasets/loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "core/error.hpp"
#include "datasets/order.hpp"

namespace wbs::datasets {
namespace {

void check(bool holds, const char* what, std::int64_t value) {
  if (!holds) throw Error(ErrorKind::usage, fmt::format("loading images: {} {}", what, value));
}

/// What happened to one place of a batch; written by one thread.
struct Slot {
  std::exception_ptr error;
  std::vector<std::string> skipped;
  bool empty = false;
};

/// A batch under way.
struct Pending {
  Batch batch;
  std::vector<Slot> slots;
  std::int64_t given = 0;    // images handed out
  std::int64_t missing = 0;  // images not ready yet
};

/// Takes the images that were left out out of the batch.
void close_gaps(Batch& batch, const std::vector<Slot>& slots) {
  const std::size_t size = batch.images.values.size() / std::max<std::size_t>(slots.size(), 1);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].empty) continue;
    if (kept != i) {
      const auto from = batch.images.values.begin() + static_cast<std::ptrdiff_t>(i * size);
      std::copy(from, from + static_cast<std::ptrdiff_t>(size),
                batch.images.values.begin() + static_cast<std::ptrdiff_t>(kept * size));
      batch.indices[kept] = batch.indices[i];
      batch.labels[kept] = batch.labels[i];
    }
    ++kept;
  }
  batch.images.shape[0] = static_cast<std::int64_t>(kept);
  batch.images.values.resize(kept * size);
  batch.indices.resize(kept);
  batch.labels.resize(kept);
}

/// The finished batch; throws the error of its first image that has one.
Batch finish(Pending pending) {
  bool gaps = false;
  for (Slot& slot : pending.slots) {
    if (slot.error) std::rethrow_exception(slot.error);
    gaps = gaps || slot.empty;
    for (std::string& reason : slot.skipped) pending.batch.skipped.push_back(std::move(reason));
  }
  if (gaps) close_gaps(pending.batch, pending.slots);
  return std::move(pending.batch);
}

}  // namespace

/// Batches under way and the threads that fill them. Batches are begun in order; the images of one
/// are handed out in small groups.
class Loader::Work {
 public:
  Work(const Dataset& data, const LoaderOptions& options)
      : data_(data),
        options_(options),
        order_(data.size(), options),
        preparation_(options.transform, options.augmentation),
        begun_(options.first_batch),
        taken_(options.first_batch) {
    check(options_.threads >= 0, "the number of threads must not be negative, not",
          options_.threads);
    check(options_.ahead > 0, "the batches ahead must be positive, not", options_.ahead);
    check(options_.first_batch <= order_.batches(), "the epoch has no batch", options_.first_batch);
    for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { run(); });
  }

  ~Work() {
    {
      const std::scoped_lock lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  Work(Work&&) = delete;
  Work& operator=(Work&&) = delete;

  [[nodiscard]] const EpochOrder& order() const noexcept { return order_; }

  std::optional<Batch> next() {
    std::unique_lock lock(mutex_);
    if (taken_ == order_.batches()) return std::nullopt;
    while (options_.threads == 0 && has_work()) prepare_group(lock);
    changed_.wait(lock, [this] { return !pending_.empty() && pending_.front().missing == 0; });
    Pending done = std::move(pending_.front());
    pending_.pop_front();
    ++taken_;
    changed_.notify_all();
    lock.unlock();
    return finish(std::move(done));
  }

 private:
  /// True when an image may be handed out: of the last batch begun, or of one more.
  [[nodiscard]] bool has_work() const {
    if (!pending_.empty() && pending_.back().given < size_of(pending_.back())) return true;
    const std::int64_t ahead = options_.threads == 0 ? 1 : options_.ahead;
    return begun_ < order_.batches() && begun_ < taken_ + ahead;
  }

  static std::int64_t size_of(const Pending& pending) {
    return static_cast<std::int64_t>(pending.slots.size());
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stop_ || has_work() || begun_ == order_.batches(); });
      if (stop_ || !has_work()) return;
      prepare_group(lock);
    }
  }

  void begin_batch() {
    const auto part = order_.part(begun_);
    const auto size = static_cast<std::int64_t>(part.size());
    const Transform& transform = options_.transform;
    Pending& pending = pending_.emplace_back();
    pending.batch.images = Tensor({size, transform.channels, transform.crop, transform.crop});
    pending.batch.indices.assign(part.begin(), part.end());
    pending.batch.labels.resize(part.size());
    pending.batch.number = begun_;
    pending.batch.global_size = static_cast<std::int64_t>(order_.batch(begun_).size());
    pending.slots.resize(part.size());
    pending.missing = size;
    ++begun_;
    if (size == 0) changed_.notify_all();
  }

  /// Takes the next few images; the lock is held on entry and on return, not while it prepares.
  void prepare_group(std::unique_lock<std::mutex>& lock) {
    if (pending_.empty() || pending_.back().given == size_of(pending_.back())) begin_batch();
    // Elements of a deque stay where they are while others come and go at its ends, and a batch
    // with a missing image is not taken.
    Pending& pending = pending_.back();
    constexpr std::int64_t kGroup = 8;
    const std::int64_t first = pending.given;
    const std::int64_t count = std::min(kGroup, size_of(pending) - first);
    if (count == 0) return;
    pending.given += count;
    lock.unlock();
    for (std::int64_t i = first; i < first + count; ++i) prepare_one(pending, i);
    lock.lock();
    pending.missing -= count;
    if (pending.missing == 0) changed_.notify_all();
  }

  void prepare_one(Pending& pending, std::int64_t position) const {
    const auto at = static_cast<std::size_t>(position);
    Slot& slot = pending.slots[at];
    try {
      const std::optional<Image> image = read(pending.batch.indices[at], slot.skipped);
      slot.empty = !image;
      if (!image) return;
      const std::int64_t index = pending.batch.indices[at];
      const std::span<float> values(
          pending.batch.images.values.data() + position * preparation_.size(),
          static_cast<std::size_t>(preparation_.size()));
      pending.batch.labels[at] = data_.label(index);
      preparation_.prepare(*image, data_.place(index),
                           augmentation_rng(options_.seed, options_.epoch, index), values);
    } catch (...) {
      slot.error = std::current_exception();
    }
  }

  /// The image at `index`; of a bad one that is skipped nothing, or another, whose index it sets.
  std::optional<Image> read(std::int64_t& index, std::vector<std::string>& skipped) const {
    if (options_.bad_images == BadImages::fatal) return data_.image(index);
    const auto chosen = static_cast<std::int64_t>(options_.indices.size());
    const std::int64_t tries = !options_.shuffle ? 1 : chosen > 0 ? chosen : data_.size();
    for (std::int64_t tried = 0; tried < tries; ++tried) {
      try {
        const std::int64_t other = tried == 0 ? index : after(index, tried);
        Image image = data_.image(other);
        index = other;
        return image;
      } catch (const Error& error) {
        const bool bad = error.kind() == ErrorKind::input || error.kind() == ErrorKind::unsupported;
        if (!bad) throw;
        skipped.emplace_back(error.what());
      }
    }
    if (!options_.shuffle) return std::nullopt;
    throw Error(ErrorKind::input,
                fmt::format("{}: no image can be decoded: {}", data_.source(), skipped.front()));
  }

  /// The image `steps` places after `index`, in the set or in the chosen indices.
  [[nodiscard]] std::int64_t after(std::int64_t index, std::int64_t steps) const {
    const std::vector<std::int64_t>& chosen = options_.indices;
    if (chosen.empty()) return (index + steps) % data_.size();
    const auto place = std::ranges::find(chosen, index) - chosen.begin();
    return chosen[static_cast<std::size_t>(place + steps) % chosen.size()];
  }

  const Dataset& data_;
  LoaderOptions options_;
  EpochOrder order_;
  Preparation preparation_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Pending> pending_;  // guarded, like what follows
  std::int64_t begun_;           // batches, from the epoch's begin
  std::int64_t taken_;           // batches handed over, likewise
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

Loader::Loader(const Dataset& data, const LoaderOptions& options)
    : work_(std::make_unique<Work>(data, options)) {}
Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;

std::optional<Batch> Loader::next() {
  return work_->next();
}
std::int64_t Loader::images() const noexcept {
  return work_->order().images();
}
std::int64_t Loader::batches() const noexcept {
  return work_->order().batches();
}

}  // namespace wbs::datasets
