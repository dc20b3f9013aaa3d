// Epochs of a loader: order, position, ranks and images that cannot be read.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "core/error.hpp"
#include "datasets/loader.hpp"

namespace wbs::datasets {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Grey images of 4 x 4 pixels of value 2 * index; those in `bad` cannot be read.
class Numbered final : public Dataset {
 public:
  explicit Numbered(std::int64_t images, std::set<std::int64_t> bad = {},
                    ErrorKind kind = ErrorKind::input)
      : images_(images), bad_(std::move(bad)), kind_(kind) {}

  [[nodiscard]] const std::string& source() const noexcept override { return source_; }
  [[nodiscard]] std::int64_t size() const noexcept override { return images_; }
  [[nodiscard]] const std::vector<std::string>& classes() const noexcept override {
    return classes_;
  }
  [[nodiscard]] std::int64_t label(std::int64_t index) const noexcept override { return index % 3; }
  [[nodiscard]] Image image(std::int64_t index) const override {
    if (bad_.contains(index)) throw Error(kind_, place(index) + ": is bad");
    return {4, 4, std::vector<std::uint8_t>(16, static_cast<std::uint8_t>(2 * index)), 1};
  }
  [[nodiscard]] std::string place(std::int64_t index) const override {
    return fmt::format("numbered: {}", index);
  }
  [[nodiscard]] ImageShape shape() const override { return {4, 4, 1, true}; }

 private:
  std::string source_ = "numbered";
  std::vector<std::string> classes_{"0", "1", "2"};
  std::int64_t images_;
  std::set<std::int64_t> bad_;
  ErrorKind kind_;
};

LoaderOptions training(std::int64_t batch, int threads = 0) {
  LoaderOptions options;
  options.batch = batch;
  options.transform.crop = 4;
  options.transform.channels = 1;
  options.augmentation = Augmentation{.random_crop = true, .pad = 2, .flip = true, .cutout = 1};
  options.shuffle = true;
  options.seed = 7;
  options.epoch = 3;
  options.threads = threads;
  return options;
}

std::vector<Batch> batches_of(const Dataset& data, const LoaderOptions& options) {
  Loader loader(data, options);
  std::vector<Batch> batches;
  while (auto batch = loader.next()) batches.push_back(std::move(*batch));
  return batches;
}

std::vector<std::int64_t> order_of(const Dataset& data, const LoaderOptions& options) {
  std::vector<std::int64_t> order;
  for (const Batch& batch : batches_of(data, options)) {
    order.insert(order.end(), batch.indices.begin(), batch.indices.end());
  }
  return order;
}

void expect_same(const Batch& one, const Batch& other) {
  EXPECT_EQ(one.images.shape, other.images.shape);
  EXPECT_EQ(one.images.values, other.images.values);
  EXPECT_EQ(one.labels, other.labels);
  EXPECT_EQ(one.indices, other.indices);
  EXPECT_EQ(one.number, other.number);
  EXPECT_EQ(one.global_size, other.global_size);
  EXPECT_EQ(one.skipped, other.skipped);
}

TEST(Epoch, OrderIsAPermutationOfSeedAndEpoch) {
  const Numbered data(100);
  std::vector<std::int64_t> all(100);
  std::iota(all.begin(), all.end(), std::int64_t{0});
  const LoaderOptions options = training(8);
  const std::vector<std::int64_t> order = order_of(data, options);
  EXPECT_NE(order, all);
  EXPECT_THAT(order, ::testing::UnorderedElementsAreArray(all));
  LoaderOptions other = options;
  other.epoch = 4;
  EXPECT_NE(order_of(data, other), order);
  other = options;
  other.seed = 8;
  EXPECT_NE(order_of(data, other), order);
  other = options;
  other.batch = 25;  // decides where batches end, not the order
  EXPECT_EQ(order_of(data, other), order);
}

TEST(Epoch, LabelsGoWithTheirImages) {
  const Numbered data(50);
  LoaderOptions options = training(8);
  options.augmentation.reset();
  options.transform.mean[0] = 0.0F;
  options.transform.deviation[0] = 1.0F / 255.0F;
  for (const Batch& batch : batches_of(data, options)) {
    for (std::size_t i = 0; i < batch.indices.size(); ++i) {
      EXPECT_EQ(batch.labels[i], batch.indices[i] % 3);
      EXPECT_NEAR(batch.images.values[16 * i], static_cast<double>(2 * batch.indices[i]), 1e-3);
    }
  }
}

TEST(Epoch, ThreadsChangeNoBit) {
  const Numbered data(100, {3, 4, 50});
  LoaderOptions options = training(24);
  options.bad_images = BadImages::skip;
  const std::vector<Batch> expected = batches_of(data, options);
  for (const int threads : {1, 2, 5}) {
    options.threads = threads;
    options.ahead = threads;
    const std::vector<Batch> batches = batches_of(data, options);
    ASSERT_EQ(batches.size(), expected.size());
    for (std::size_t i = 0; i < batches.size(); ++i) expect_same(batches[i], expected[i]);
  }
}

TEST(Epoch, BeginsAtAnyBatch) {
  const Numbered data(50);
  const std::vector<Batch> whole = batches_of(data, training(8));
  ASSERT_EQ(whole.size(), 7U);
  for (const int threads : {0, 2}) {
    for (std::int64_t first = 0; first <= 7; ++first) {
      LoaderOptions options = training(8, threads);
      options.first_batch = first;
      const std::vector<Batch> rest = batches_of(data, options);
      ASSERT_EQ(rest.size(), static_cast<std::size_t>(7 - first));
      for (std::size_t i = 0; i < rest.size(); ++i) {
        expect_same(rest[i], whole[static_cast<std::size_t>(first) + i]);
      }
    }
  }
}

TEST(Epoch, DropLastLeavesFullBatchesOnly) {
  const Numbered data(50);
  LoaderOptions options = training(8);
  options.drop_last = true;
  const Loader loader(data, options);
  EXPECT_EQ(loader.batches(), 6);
  EXPECT_EQ(loader.images(), 48);
  const std::vector<Batch> batches = batches_of(data, options);
  ASSERT_EQ(batches.size(), 6U);
  EXPECT_EQ(batches.back().images.shape, (Shape{8, 1, 4, 4}));
  options.batch = 51;
  EXPECT_THAT(batches_of(data, options), IsEmpty());
}

TEST(Epoch, PartsOfAllRanksMakeTheBatchOfOne) {
  const Numbered data(50, {10});
  LoaderOptions options = training(8);
  options.bad_images = BadImages::skip;
  const std::vector<Batch> whole = batches_of(data, options);
  for (const std::int64_t ranks : {2, 3, 11}) {
    std::vector<Batch> joined(whole.size());
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
      options.shard = {rank, ranks};
      options.threads = static_cast<int>(rank % 3);
      const std::vector<Batch> parts = batches_of(data, options);
      ASSERT_EQ(parts.size(), whole.size());
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const Batch& part = parts[i];
        EXPECT_EQ(part.global_size, whole[i].global_size);
        Batch& all = joined[i];
        all.images.values.insert(all.images.values.end(), part.images.values.begin(),
                                 part.images.values.end());
        all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
        all.indices.insert(all.indices.end(), part.indices.begin(), part.indices.end());
      }
    }
    for (std::size_t i = 0; i < whole.size(); ++i) {
      EXPECT_EQ(joined[i].images.values, whole[i].images.values);
      EXPECT_EQ(joined[i].labels, whole[i].labels);
      EXPECT_EQ(joined[i].indices, whole[i].indices);
    }
  }
}

TEST(BadImage, InEvaluationIsLeftOutAndNamed) {
  const Numbered data(6, {1, 2, 5});
  LoaderOptions options = training(3);
  options.shuffle = false;
  options.augmentation.reset();
  options.bad_images = BadImages::skip;
  const std::vector<Batch> batches = batches_of(data, options);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_THAT(batches[0].indices, ElementsAre(0));
  EXPECT_EQ(batches[0].images.shape, (Shape{1, 1, 4, 4}));
  EXPECT_EQ(batches[0].images.values.size(), 16U);
  EXPECT_EQ(batches[0].global_size, 3);
  EXPECT_THAT(batches[0].skipped, ElementsAre("numbered: 1: is bad", "numbered: 2: is bad"));
  EXPECT_THAT(batches[1].indices, ElementsAre(3, 4));
  EXPECT_THAT(batches[1].labels, ElementsAre(0, 1));
}

TEST(BadImage, InTrainingIsReplacedByTheNextGoodOne) {
  const Numbered data(20, {4, 5, 19});
  LoaderOptions options = training(5);
  const std::vector<std::int64_t> order = order_of(Numbered(20), options);
  options.bad_images = BadImages::skip;
  const std::vector<std::int64_t> used = order_of(data, options);
  ASSERT_EQ(used.size(), 20U);
  for (std::size_t i = 0; i < used.size(); ++i) {
    const std::int64_t wanted = order[i];
    EXPECT_EQ(used[i], wanted == 4 || wanted == 5 ? 6 : wanted == 19 ? 0 : wanted);
  }
}

TEST(BadImage, IsReplacedByAChosenImageWhereImagesAreChosen) {
  const Numbered data(20, {4});
  LoaderOptions options = training(3);
  options.indices = {2, 4, 9};
  options.bad_images = BadImages::skip;
  EXPECT_THAT(order_of(data, options), ::testing::UnorderedElementsAre(2, 9, 9));
}

TEST(BadImage, FirstOfItsBatchIsFatalUnlessSkipped) {
  const Numbered data(20, {4, 5});
  LoaderOptions options = training(20);
  const std::vector<std::int64_t> order = order_of(Numbered(20), options);
  const auto first = *std::ranges::find_if(order, [](std::int64_t i) { return i == 4 || i == 5; });
  for (const int threads : {0, 3}) {
    options.threads = threads;
    try {
      static_cast<void>(batches_of(data, options));
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), fmt::format("numbered: {}: is bad", first));
    }
  }
}

TEST(BadImage, AllOfThemAreFatalEvenIfSkipped) {
  LoaderOptions options = training(2);
  options.bad_images = BadImages::skip;
  try {
    static_cast<void>(batches_of(Numbered(3, {0, 1, 2}), options));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("numbered: no image can be decoded"));
  }
}

TEST(BadImage, FailingDiskIsNoBadImage) {
  LoaderOptions options = training(2);
  options.bad_images = BadImages::skip;
  EXPECT_THROW(static_cast<void>(batches_of(Numbered(3, {1}, ErrorKind::io), options)), Error);
}

TEST(Epoch, BadOptionsAreErrors) {
  const Numbered data(10);
  const auto refuses = [&data](auto change) {
    LoaderOptions options = training(2);
    change(options);
    EXPECT_THROW(Loader(data, options), Error);
  };
  refuses([](LoaderOptions& options) { options.epoch = -1; });
  refuses([](LoaderOptions& options) { options.first_batch = -1; });
  refuses([](LoaderOptions& options) { options.first_batch = 6; });
  refuses([](LoaderOptions& options) { options.shard = {1, 1}; });
  refuses([](LoaderOptions& options) { options.shard = {-1, 2}; });
  refuses([](LoaderOptions& options) { options.shard = {0, 0}; });
  refuses([](LoaderOptions& options) { options.augmentation->cutout = -1; });
}

}  // namespace
}  // namespace wbs::datasets
