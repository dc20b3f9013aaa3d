// The program as its users see it: a request in, JSON lines and an exit code out.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "trainers/safetensors.hpp"

namespace wbs::trainers {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTiny = R"(network tiny
input = input() shape=1,3,16,16
conv1 = conv(input) kernel=3x3 stride=2x2 padding=1,1,1,1 weight:8x3x3x3
bn1 = batch_norm(conv1) bias:8 mean:8 scale:8 variance:8
relu1 = relu(bn1)
conv2 = conv(relu1) kernel=3x3 stride=2x2 padding=1,1,1,1 weight:16x8x3x3
bn2 = batch_norm(conv2) bias:16 mean:16 scale:16 variance:16
relu2 = relu(bn2)
pool = global_avg_pool(relu2)
flat = flatten(pool) axis=1
fc = linear(flat) bias:10 weight:10x16
output fc
)";

struct Outcome {
  int exit_code = -1;
  std::vector<nlohmann::json> lines;
  [[nodiscard]] const nlohmann::json& last() const { return lines.at(lines.size() - 1); }
};

class WbsTrainTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() /
              ("wbs-train-" + std::to_string(::getpid()) + "-" + info->name());
    fs::create_directories(folder_);
    request_ = {{"graph", kTiny},
                {"recipe", {{"epochs", 2}, {"batches", 4}, {"batch", 64}}},
                {"evaluate_epochs", 100},
                {"device", "cpu"},
                {"weights_out", (folder_ / "weights.safetensors").string()}};
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Runs the program with `request`; after `events` lines it is sent SIGTERM, unless 0.
  Outcome run(const std::string& request, std::size_t events = 0,
              const std::string& name = "request.json") const {
    const fs::path file = folder_ / name;
    std::ofstream(file) << request;
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      static_cast<void>(std::freopen("/dev/null", "w", stderr));
      ::execl(WBS_TRAIN, WBS_TRAIN, file.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    std::FILE* lines = ::fdopen(ends[0], "r");
    Outcome outcome;
    std::string text(1 << 16, '\0');
    while (std::fgets(text.data(), static_cast<int>(text.size()), lines) != nullptr) {
      outcome.lines.push_back(nlohmann::json::parse(text.c_str()));
      if (outcome.lines.size() == events) ::kill(child, SIGTERM);
    }
    std::fclose(lines);
    int status = 0;
    ::waitpid(child, &status, 0);
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
  }
  Outcome run(const nlohmann::json& request, std::size_t events = 0) const {
    return run(request.dump(), events);
  }

  fs::path folder_;
  nlohmann::json request_;
};

TEST_F(WbsTrainTest, PrintsTheSameResultTwiceAndStoresItsWeights) {
  const Outcome first = run(request_);
  ASSERT_EQ(first.exit_code, 0) << first.last();
  const nlohmann::json& result = first.last();
  EXPECT_EQ(result["event"], "result");
  EXPECT_EQ(result["outcome"], "passed");
  EXPECT_TRUE(result["accuracy"].is_number());
  EXPECT_EQ(result["achieved_sparsity"], 0.0);
  EXPECT_EQ(result["macs"]["dense"].get<double>(), 3.0 * 16 * 8 * 9 * 16 * 64);
  EXPECT_GT(result["step_ms"].get<double>(), 0.0);
  const SafeTensors weights = read_safetensors(request_["weights_out"]);
  EXPECT_EQ(weights.tensors.at("conv2/weight").shape, (Shape{16, 8, 3, 3}));
  EXPECT_EQ(weights.metadata.at("weights_digest"), result["weights_digest"]);

  nlohmann::json again = request_;
  again["data"] = {{"workers", 3}};
  EXPECT_EQ(run(again).last()["weights_digest"], result["weights_digest"]);
  again["weights"] = request_["weights_out"];
  again["weights_out"] = "";
  const Outcome tuned = run(again);
  EXPECT_EQ(tuned.exit_code, 0) << tuned.last();
  EXPECT_NE(tuned.last()["weights_digest"], result["weights_digest"]);
}

TEST_F(WbsTrainTest, ContinuesAfterSigtermToTheSameWeights) {
  request_["recipe"]["epochs"] = 6;
  const Outcome whole = run(request_);
  ASSERT_EQ(whole.exit_code, 0) << whole.last();
  request_["checkpoint"] = (folder_ / "run.checkpoint").string();
  const Outcome stopped = run(request_, 2);
  ASSERT_EQ(stopped.exit_code, 75) << stopped.last();
  EXPECT_EQ(stopped.last()["outcome"], "aborted");
  const Outcome rest = run(request_);
  ASSERT_EQ(rest.exit_code, 0) << rest.last();
  EXPECT_EQ(rest.lines[0]["event"], "resumed");
  EXPECT_EQ(rest.last()["weights_digest"], whole.last()["weights_digest"]);
  request_["seed"] = 9;
  const Outcome other = run(request_);
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.last()["message"].get<std::string>(),
              testing::HasSubstr("seed: 1 in the checkpoint, 9 asked for"));
}

TEST_F(WbsTrainTest, SaysWhatIsWrongWithARequest) {
  EXPECT_EQ(run(std::string("{")).exit_code, 2);
  nlohmann::json bad = request_;
  bad["methd"] = "dense";
  const Outcome unknown = run(bad);
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_EQ(unknown.last()["event"], "error");
  EXPECT_EQ(unknown.last()["message"], "methd: is not known (did you mean 'method'?)");
  bad = request_;
  bad["pattern"] = "nm:2:4";
  EXPECT_EQ(run(bad).exit_code, 4) << "dense training cannot give a pattern";
  bad = request_;
  bad["weights"] = (folder_ / "missing").string();
  EXPECT_EQ(run(bad).exit_code, 5);
  bad = request_;
  bad["data"] = (folder_ / "nowhere").string();
  EXPECT_EQ(run(bad).exit_code, 3);
}

TEST_F(WbsTrainTest, SeveralProcessesTrainOneNetwork) {
  const Outcome alone = run(request_);
  ASSERT_EQ(alone.exit_code, 0) << alone.last();
  std::vector<Outcome> ranks(2);
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    threads.emplace_back([&, rank] {
      nlohmann::json request = request_;
      request["weights_out"] = "";
      request["ranks"] = {{"rank", rank}, {"size", 2}, {"meeting", (folder_ / "meeting").string()}};
      ranks[rank] = run(request.dump(), 0, "request" + std::to_string(rank) + ".json");
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Outcome& outcome : ranks) {
    ASSERT_EQ(outcome.exit_code, 0) << outcome.last();
    EXPECT_EQ(outcome.last()["weights_digest"], ranks[0].last()["weights_digest"]);
    EXPECT_NEAR(outcome.last()["loss"].get<double>(), alone.last()["loss"].get<double>(), 1e-3);
    EXPECT_EQ(outcome.last()["macs"], alone.last()["macs"]);
  }
  EXPECT_EQ(ranks[0].lines.size(), alone.lines.size());
  EXPECT_EQ(ranks[1].lines.size(), 1U) << "events come from rank 0";
  EXPECT_FALSE(fs::exists(folder_ / "meeting"));
}

TEST_F(WbsTrainTest, ARankWhoseComradeEndsSaysSo) {
  request_["recipe"]["epochs"] = 2000;
  request_["weights_out"] = "";
  std::array<Outcome, 2> ranks;
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    threads.emplace_back([&, rank] {
      nlohmann::json request = request_;
      request["ranks"] = {{"rank", rank}, {"size", 2}, {"meeting", (folder_ / "meeting").string()}};
      // Rank 1 has another idea of the network and fails after they have met.
      if (rank == 1) request["weights"] = (folder_ / "missing").string();
      ranks[rank] = run(request.dump(), 0, "request" + std::to_string(rank) + ".json");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ranks[1].exit_code, 5);
  EXPECT_EQ(ranks[0].exit_code, 5);
  EXPECT_EQ(ranks[0].last()["message"], "rank 1 of 2 is gone");
}

TEST_F(WbsTrainTest, DivergenceIsAnOutcome) {
  request_["recipe"]["learning_rate"] = 1e6;
  const Outcome outcome = run(request_);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.last()["outcome"], "diverged");
  EXPECT_TRUE(outcome.last()["accuracy"].is_null());
}

}  // namespace
}  // namespace wbs::trainers
