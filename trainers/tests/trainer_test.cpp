#include "trainers/trainer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "core/rng.hpp"
#include "networks/initialise.hpp"
#include "networks/text_form.hpp"
#include "trainers/dense_method.hpp"
#include "trainers/tests/fixed_mask_method.hpp"

namespace wbs::trainers {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTiny = R"(network tiny
input = input() shape=1,3,8,8
conv1 = conv(input) kernel=3x3 padding=1,1,1,1 weight:16x3x3x3
bn1 = batch_norm(conv1) bias:16 mean:16 scale:16 variance:16
relu1 = relu(bn1)
conv2 = conv(relu1) kernel=3x3 stride=2x2 padding=1,1,1,1 weight:16x16x3x3 bias:16
bn2 = batch_norm(conv2) bias:16 mean:16 scale:16 variance:16
relu2 = relu(bn2)
pool = global_avg_pool(relu2)
flat = flatten(pool) axis=1
drop = dropout(flat)
fc = linear(drop) bias:4 weight:4x16
output fc
)";

/// Images whose class is the quarter that is bright.
ImageSet quarters(std::int64_t count, std::uint64_t seed) {
  Rng rng(seed);
  ImageSet set{torch::empty({count, 3, 8, 8}), torch::empty({count}, torch::kInt64)};
  rng.fill_normal({set.images.data_ptr<float>(), static_cast<std::size_t>(set.images.numel())},
                  0.0F, 0.7F);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int64_t>(rng.below(4));
    set.labels[i] = label;
    set.images[i].narrow(0, label % 3, 1).add_(label == 3 ? -1.5 : 1.5);
  }
  return set;
}

/// Batches that raise a flag while handing out number `limit`.
class StoppingBatches final : public BatchSource {
 public:
  StoppingBatches(BatchSource& inner, std::int64_t limit, std::atomic<bool>& flag)
      : inner_(inner), limit_(limit), flag_(flag) {}
  [[nodiscard]] std::int64_t batches() const override { return inner_.batches(); }
  void start(std::int64_t epoch, std::int64_t batch) override { inner_.start(epoch, batch); }
  std::optional<ImageBatch> next() override {
    if (++given_ == limit_) flag_ = true;
    return inner_.next();
  }
  [[nodiscard]] std::string identity() const override { return inner_.identity(); }

 private:
  BatchSource& inner_;
  std::int64_t limit_;
  std::atomic<bool>& flag_;
  std::int64_t given_ = 0;
};

/// Dense products that are counted.
class CountingBackend final : public ProductBackend {
 public:
  CountingBackend(const ProductShape& shape, std::array<int, 3>& calls)
      : dense_(dense_backend(shape)), calls_(calls) {}
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x,
                                      const torch::Tensor& weight) const override {
    ++calls_[0];
    return dense_->forward(x, weight);
  }
  [[nodiscard]] torch::Tensor input_gradient(const torch::Tensor& output_gradient,
                                             const torch::Tensor& x,
                                             const torch::Tensor& weight) const override {
    ++calls_[1];
    return dense_->input_gradient(output_gradient, x, weight);
  }
  [[nodiscard]] torch::Tensor weight_gradient(const torch::Tensor& output_gradient,
                                              const torch::Tensor& x,
                                              const torch::Tensor& weight) const override {
    ++calls_[2];
    return dense_->weight_gradient(output_gradient, x, weight);
  }

 private:
  std::shared_ptr<const ProductBackend> dense_;
  std::array<int, 3>& calls_;
};

/// One run of the tiny network with everything it needs.
struct Training {
  Recipe recipe;
  std::uint64_t seed = 3;
  std::string pattern = "block:8x8@0.5";
  std::string checkpoint;
  std::int64_t stop_after = 0;  // steps of this process, 0: never
  bool forgetful = false;
  bool teach = false;
  bool count = false;
  std::array<int, 3> calls{};  // of FF, BP and WU, when counted
  std::vector<nlohmann::json> events;

  Training() {
    recipe.epochs = 3;
    recipe.batch = 24;
    recipe.learning_rate = 0.1;
    recipe.warmup_epochs = 1.0;
    recipe.ema_decay = 0.9;
    recipe.dropout = 0.2;
  }

  TrainingResult operator()(Ranks& ranks) {
    const auto train =
        memory_batches(quarters(120, 1), recipe.batch, seed, ranks.rank(), ranks.size());
    const auto test = memory_batches(quarters(100, 2), 50, {}, ranks.rank(), ranks.size());
    std::atomic<bool> stop = false;
    StoppingBatches stopping(*train, stop_after, stop);
    FixedMaskMethod fixed;
    ForgetfulMethod forgets;
    TrainingSetup setup;
    setup.graph = value_or_throw(networks::parse_graph(kTiny));
    setup.weights = networks::initialise(setup.graph, seed);
    if (teach) setup.teacher = networks::initialise(setup.graph, 77);
    setup.choice.pattern = value_or_throw(sparsity::parse_pattern(pattern));
    setup.recipe = recipe;
    if (count) {
      setup.backend = [this](const SparseLayer& layer, const ProductShape& shape) {
        EXPECT_EQ(layer.name, "conv2");
        return std::make_shared<CountingBackend>(shape, calls);
      };
    }
    setup.seed = seed;
    setup.method_name = "fixed";
    setup.method = forgetful ? static_cast<Method*>(&forgets) : &fixed;
    setup.train = &stopping;
    setup.test = test.get();
    setup.ranks = &ranks;
    setup.checkpoint = checkpoint;
    setup.stop = &stop;
    setup.on_event = [this](const nlohmann::json& event) { events.push_back(event); };
    return Trainer(std::move(setup)).run();
  }
  TrainingResult operator()() {
    const auto ranks = one_rank();
    return (*this)(*ranks);
  }
};

class TrainerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("wbs-trainer-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    path_ = (folder_ / "run.safetensors").string();
    at::set_num_threads(1);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
  std::string path_;
};

TEST_F(TrainerTest, LearnsUnderAMaskAndCountsWhatItDid) {
  Training run;
  run.recipe.epochs = 8;
  const TrainingResult result = run();
  EXPECT_EQ(result.outcome, TrainingOutcome::passed);
  ASSERT_TRUE(result.evaluation);
  ASSERT_TRUE(result.evaluation->accuracy) << result.evaluation->reason;
  EXPECT_GT(*result.evaluation->accuracy, 0.8);
  EXPECT_DOUBLE_EQ(result.evaluation->achieved_sparsity, 0.5);
  // conv2: 16 x 16 x 9 per pixel, 4 x 4 pixels, 24 images.
  EXPECT_DOUBLE_EQ(result.macs.dense, 3.0 * 16 * 16 * 9 * 16 * 24);
  EXPECT_NEAR(result.macs.share(), (0.5 + 0.5 + 1.0) / 3.0, 1e-12);
  EXPECT_EQ(result.steps, 8 * 5);
  ASSERT_EQ(run.events.size(), 8U);
  EXPECT_EQ(run.events[0]["event"], "epoch");
  EXPECT_TRUE(run.events[0].contains("accuracy"));
  EXPECT_LT(run.events[7]["loss"], run.events[0]["loss"]);
}

TEST_F(TrainerTest, SameSeedGivesTheSameBits) {
  const std::string first = digest_of(Training()().weights);
  EXPECT_EQ(digest_of(Training()().weights), first);
  Training other;
  other.seed = 4;
  EXPECT_NE(digest_of(other().weights), first);
}

TEST_F(TrainerTest, AnInterruptedRunContinuesToTheSameBits) {
  for (const OptimiserKind kind : {OptimiserKind::sgd, OptimiserKind::adamw}) {
    Training whole;
    whole.recipe.optimiser = kind;
    if (kind == OptimiserKind::adamw) whole.recipe.learning_rate = 0.01;
    const TrainingResult expected = whole();

    Training part = whole;
    part.checkpoint = path_;
    TrainingResult result;
    // Stops in the middle of an epoch, at its end, and before the last step.
    for (const std::int64_t stop : {2, 3, 6}) {
      part.stop_after = stop;
      result = part();
      EXPECT_EQ(result.outcome, TrainingOutcome::aborted);
      EXPECT_FALSE(result.evaluation);
    }
    part.stop_after = 0;
    part.events.clear();
    result = part();
    EXPECT_EQ(part.events.at(0)["event"], "resumed");
    EXPECT_EQ(part.events.at(0)["step"], 11);
    EXPECT_EQ(digest_of(result.weights), digest_of(expected.weights));
    EXPECT_EQ(result.loss, expected.loss);
    EXPECT_EQ(result.macs.ff, expected.macs.ff);
    EXPECT_EQ(*result.evaluation->accuracy, *expected.evaluation->accuracy);
    fs::remove(path_);
  }
}

TEST_F(TrainerTest, AFinishedRunIsNotTrainedAgain) {
  Training run;
  run.checkpoint = path_;
  const std::string first = digest_of(run().weights);
  run.events.clear();
  EXPECT_EQ(digest_of(run().weights), first);
  EXPECT_EQ(run.events.size(), 1U);
}

TEST_F(TrainerTest, RefusesTheCheckpointOfAnotherRunAndNamesTheDifferences) {
  Training run;
  run.checkpoint = path_;
  run.stop_after = 2;
  static_cast<void>(run());
  run.recipe.learning_rate = 0.2;
  run.pattern = "nm:2:4";
  try {
    static_cast<void>(run());
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(),
                testing::HasSubstr("recipe/learning_rate: 0.1 in the checkpoint, 0.2 asked for"));
    EXPECT_THAT(error.what(),
                testing::HasSubstr("pattern: \"block:8x8@0.5\" in the checkpoint, \"nm:2:4/in\""));
  }
  const std::string text = "not a checkpoint";
  std::FILE* file = std::fopen(path_.c_str(), "w");
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
  EXPECT_THROW(static_cast<void>(run()), Error);
}

TEST_F(TrainerTest, AnAccuracyCountsOnlyUnderItsPattern) {
  Training run;
  run.forgetful = true;
  const TrainingResult result = run();
  EXPECT_EQ(result.outcome, TrainingOutcome::passed);
  EXPECT_FALSE(result.evaluation->accuracy);
  EXPECT_THAT(result.evaluation->reason,
              testing::HasSubstr("conv2/weight does not satisfy block:8x8@0.5"));
  EXPECT_LT(result.evaluation->achieved_sparsity, 0.01);
}

TEST_F(TrainerTest, DivergenceKeepsTheLastFiniteWeights) {
  Training run;
  run.recipe.learning_rate = 1e6;
  run.recipe.warmup_epochs = 0.0;
  const TrainingResult result = run();
  EXPECT_EQ(result.outcome, TrainingOutcome::diverged);
  EXPECT_THAT(result.reason, testing::HasSubstr("the loss was"));
  EXPECT_FALSE(result.evaluation);
  for (const auto& [key, tensor] : result.weights) {
    for (const float value : tensor.values) ASSERT_TRUE(std::isfinite(value)) << key;
  }
}

TEST_F(TrainerTest, SeveralRanksTrainAsOneWithTheWholeBatch) {
  Training alone;
  alone.recipe.epochs = 2;
  const TrainingResult whole = alone();
  std::vector<TrainingResult> results(3);
  auto ranks = thread_ranks(3);
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < 3; ++rank) {
    threads.emplace_back([&, rank] {
      Training run;
      run.recipe.epochs = 2;
      results[rank] = run(*ranks[rank]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const TrainingResult& result : results) {
    EXPECT_EQ(digest_of(result.weights), digest_of(results[0].weights));
    EXPECT_NEAR(result.loss, whole.loss, 1e-4);
    EXPECT_DOUBLE_EQ(result.macs.ff, whole.macs.ff);
    for (const auto& [key, tensor] : result.weights) {
      EXPECT_TRUE(torch::allclose(to_torch(tensor), to_torch(whole.weights.at(key)), 1e-2, 1e-3))
          << key;
    }
  }
}

TEST_F(TrainerTest, TrainsInBfloat16WithClippingDistillationAndNewStatistics) {
  Training run;
  run.recipe.epochs = 8;
  run.recipe.bf16 = true;
  run.recipe.clip_norm = 1.0;
  run.recipe.recalibrate_batches = 3;
  run.recipe.label_smoothing = 0.1;
  const TrainingResult result = run();
  ASSERT_TRUE(result.evaluation && result.evaluation->accuracy);
  EXPECT_GT(*result.evaluation->accuracy, 0.7);
  run.teach = true;
  run.recipe.distill_weight = 0.5;
  EXPECT_NE(digest_of(run().weights), digest_of(result.weights));
}

TEST_F(TrainerTest, SparsifiedLayersUseTheirBackendForEveryProduct) {
  Training plain;
  Training counted;
  counted.count = true;
  EXPECT_EQ(digest_of(counted().weights), digest_of(plain().weights));
  EXPECT_EQ(counted.calls, (std::array<int, 3>{15, 15, 15}));
}

TEST_F(TrainerTest, NeedsAtLeastOneWholeBatch) {
  Training run;
  run.recipe.batch = 1000;
  EXPECT_THROW(static_cast<void>(run()), Error);
}

}  // namespace
}  // namespace wbs::trainers
