#include "datasets/loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <span>
#include <thread>
#include <utility>

#include "core/error.hpp"

namespace wbs::datasets {
namespace {

void check(bool holds, const char* what, std::int64_t value) {
  if (!holds) throw Error(ErrorKind::usage, fmt::format("loading images: {} {}", what, value));
}

void check_options(const ImageList& list, const LoaderOptions& options) {
  check(options.batch > 0, "the batch must be positive, not", options.batch);
  check(options.transform.crop > 0, "the crop must be positive, not", options.transform.crop);
  check(options.transform.resize_shorter >= 0, "the resized side must not be negative, not",
        options.transform.resize_shorter);
  check(options.threads >= 0, "the number of threads must not be negative, not", options.threads);
  check(options.ahead > 0, "the batches ahead must be positive, not", options.ahead);
  for (const std::int64_t index : options.indices) {
    check(index >= 0 && index < list.size(), "there is no image", index);
  }
}

}  // namespace

/// Batches under way and the threads that fill them. Batches are begun in order; the images of one
/// are handed out one by one.
class Loader::Work {
 public:
  Work(const ImageList& list, LoaderOptions options) : list_(list), options_(std::move(options)) {
    check_options(list_, options_);
    if (options_.indices.empty()) {
      options_.indices.resize(static_cast<std::size_t>(list_.size()));
      std::iota(options_.indices.begin(), options_.indices.end(), std::int64_t{0});
    }
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

  [[nodiscard]] std::int64_t images() const noexcept {
    return static_cast<std::int64_t>(options_.indices.size());
  }
  [[nodiscard]] std::int64_t batches() const noexcept {
    return (images() + options_.batch - 1) / options_.batch;
  }

  std::optional<Batch> next() {
    std::unique_lock lock(mutex_);
    if (taken_ == batches()) return std::nullopt;
    if (threads_.empty()) {
      const std::int64_t end = std::min(images(), (taken_ + 1) * options_.batch);
      while (begun_ < end) decode_one(lock);
    }
    changed_.wait(lock, [this] { return !pending_.empty() && pending_.front().missing == 0; });
    Pending done = std::move(pending_.front());
    pending_.pop_front();
    ++taken_;
    changed_.notify_all();
    if (done.error) std::rethrow_exception(done.error);
    return std::move(done.batch);
  }

 private:
  struct Pending {
    Batch batch;
    std::int64_t missing = 0;
    std::int64_t failed = 0;  // position in the batch of the first image that failed
    std::exception_ptr error;
  };

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] {
        return stop_ || begun_ == images() || begun_ / options_.batch < taken_ + options_.ahead;
      });
      if (stop_ || begun_ == images()) return;
      decode_one(lock);
    }
  }

  void begin_batch() {
    const std::int64_t size = std::min(options_.batch, images() - begun_);
    const std::int64_t side = options_.transform.crop;
    Pending& pending = pending_.emplace_back();
    pending.batch.images = Tensor({size, 3, side, side});
    const auto first = options_.indices.begin() + begun_;
    pending.batch.indices.assign(first, first + size);
    pending.missing = size;
  }

  /// Takes the next image; the lock is held on entry and on return, not while it decodes.
  void decode_one(std::unique_lock<std::mutex>& lock) {
    if (begun_ % options_.batch == 0) begin_batch();
    // Elements of a deque stay where they are while others come and go at its ends, and a batch
    // with a missing image is not taken.
    Pending& pending = pending_.back();
    const std::int64_t position = begun_++ % options_.batch;
    const std::int64_t size = 3 * options_.transform.crop * options_.transform.crop;
    const std::int64_t index = pending.batch.indices[static_cast<std::size_t>(position)];
    const std::span<float> place(pending.batch.images.values.data() + position * size,
                                 static_cast<std::size_t>(size));
    lock.unlock();
    std::exception_ptr error;
    try {
      const std::string where = list_.place(index);
      apply(options_.transform, decode_jpeg(list_.bytes(index), where), where, place);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && (!pending.error || position < pending.failed)) {
      pending.error = std::move(error);
      pending.failed = position;
    }
    if (--pending.missing == 0) changed_.notify_all();
  }

  const ImageList& list_;
  LoaderOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Pending> pending_;  // guarded, like what follows
  std::int64_t begun_ = 0;       // images handed out
  std::int64_t taken_ = 0;       // batches handed over
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

Loader::Loader(const ImageList& list, LoaderOptions options)
    : work_(std::make_unique<Work>(list, std::move(options))) {}
Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;

std::optional<Batch> Loader::next() {
  return work_->next();
}
std::int64_t Loader::images() const noexcept {
  return work_->images();
}
std::int64_t Loader::batches() const noexcept {
  return work_->batches();
}

}  // namespace wbs::datasets
