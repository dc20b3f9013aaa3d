// Sweeps under mpirun: equal results on any number of ranks, and jobs that are killed.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "harness/maintenance.hpp"
#include "harness/posix_file.hpp"
#include "harness/store.hpp"
#include "harness/tests/scratch.hpp"

namespace wbs::harness {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Finished {
  int status = -1;     ///< exit code, or 128 + signal
  std::string output;  ///< stdout: one line per case
  std::string errors;
};

class MpiTest : public testing::Test {
 protected:
  void SetUp() override {
    // Tests may run as root, and on fewer cores than ranks.
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    ::setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 1);
  }

  /// Starts the probe; 0 ranks: without mpirun.
  pid_t start(int ranks, const std::string& arguments) {
    std::string command = fmt::format("exec {} {} >{}/out 2>{}/err", WBS_PROBE, arguments,
                                      scratch_.path(), scratch_.path());
    if (ranks > 0) {
      command = fmt::format("exec mpirun --oversubscribe -n {} {} {} >{}/out 2>{}/err", ranks,
                            WBS_PROBE, arguments, scratch_.path(), scratch_.path());
    }
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    return child;
  }

  /// Waits for it, at most a minute: a job that hangs is killed and fails the test.
  Finished wait_for(pid_t child) {
    Finished finished;
    int status = 0;
    for (int tries = 0; tries < 6000; ++tries) {
      if (::waitpid(child, &status, WNOHANG) == child) {
        finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        finished.output = read_file(scratch_ / "out");
        finished.errors = read_file(scratch_ / "err");
        return finished;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "the job hangs: " << read_file(scratch_ / "err");
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return finished;
  }

  Finished run(int ranks, const std::string& campaign, const std::string& rest) {
    return wait_for(
        start(ranks, fmt::format("{} {} {}", scratch_ / campaign, WBS_FAKE_WORKER, rest)));
  }

  /// Returns once every one of `ranks` has started a child in run `number`.
  static void wait_until_running(const std::string& campaign, int number, std::size_t ranks) {
    const std::string prefix = fmt::format("run-{:06}-", number);
    for (int tries = 0; tries < 3000; ++tries) {
      std::size_t started = 0;
      for (const std::string& name : files_in(campaign + "/logs", ".log")) {
        started += name.starts_with(prefix) ? 1 : 0;
      }
      if (started >= ranks) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "run " << number << " does not start";
  }

  /// Processes whose output goes to the campaign's logs.
  static std::vector<int> children_of(const std::string& campaign) {
    std::vector<int> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const int pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 0) continue;
      std::error_code ignored;
      const std::string output = std::filesystem::read_symlink(entry.path() / "fd/1", ignored);
      if (output.find(campaign + "/logs/") != std::string::npos) children.push_back(pid);
    }
    return children;
  }

  /// Kills every process but `job` whose command line names the campaign: its ranks.
  static void kill_ranks(const std::string& campaign, pid_t job) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const int pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 0 || pid == job) continue;
      std::ifstream file(entry.path() / "cmdline");
      const std::string command((std::istreambuf_iterator<char>(file)), {});
      if (command.find(campaign) != std::string::npos) ::kill(pid, SIGKILL);
    }
  }

  Scratch scratch_;
};

TEST_F(MpiTest, AnyNumberOfRanksGivesTheSameResults) {
  const std::string plan =
      "3 pass,print,throw,segfault,nan,unsupported,exit,memory,flaky,exclusive,warn bytes=5000";
  const Finished alone = run(0, "c0", plan);
  EXPECT_THAT(alone.output, HasSubstr("n=2 mode=warn"));
  for (const int ranks : {1, 2, 3, 4}) {
    const std::string campaign = fmt::format("c{}", ranks);
    const Finished finished = run(ranks, campaign, plan);
    EXPECT_EQ(finished.output, alone.output) << ranks << " ranks";
    EXPECT_EQ(finished.status, 1) << ranks << " ranks";
    EXPECT_THAT(fsck(scratch_ / campaign).errors, IsEmpty());
    const Finished again = run(ranks, campaign, plan);
    EXPECT_EQ(again.output, alone.output);
    EXPECT_THAT(again.errors, HasSubstr("tasks_run=0"));
  }
}

TEST_F(MpiTest, BigArtifactsAreReadInPlaceByOtherRanks) {
  const Finished alone = run(0, "c0", "2 pass,warn bytes=3000000");
  const Finished three = run(3, "c3", "2 pass,warn bytes=3000000");
  EXPECT_EQ(three.output, alone.output);
  EXPECT_EQ(three.status, 0);
  EXPECT_EQ(files_in(scratch_ / "c3/packs", ".artifact").size(), 2U);
}

TEST_F(MpiTest, AHangingStageCostsOneAttemptOnItsRank) {
  for (const int ranks : {1, 2, 3}) {
    const Finished finished =
        run(ranks, fmt::format("c{}", ranks), "2 pass,hang timeout=0.4 retries=0");
    EXPECT_EQ(finished.status, 1);
    EXPECT_THAT(finished.output, HasSubstr("n=1 mode=pass | make passed"));
    EXPECT_THAT(finished.output, HasSubstr("use timed-out (took longer than the time limit"));
  }
}

TEST_F(MpiTest, AStageThatKillsItsRankIsFoundOut) {
  Finished finished;
  int runs = 0;
  do {
    finished = run(2, "c", "1 pass,kill_rank");
    ++runs;
  } while (finished.status != 1 && runs < 8);
  EXPECT_EQ(runs, 4) << "three lost runs, then the task is taken for the cause";
  EXPECT_THAT(finished.output, HasSubstr("mode=pass | make passed size=100 | use passed"));
  EXPECT_THAT(finished.output, HasSubstr("the run died 3 times"));
  EXPECT_THAT(fsck(scratch_ / "c").errors, IsEmpty());
}

TEST_F(MpiTest, AJobThatIsKilledContinuesToTheSameResults) {
  const std::string plan = "80 sleep,pass bytes=5000";
  const Finished whole = run(2, "whole", plan);
  EXPECT_EQ(whole.status, 0);
  const std::string campaign = scratch_ / "killed";
  for (int kill = 0; kill < 3; ++kill) {
    const pid_t job = start(3, fmt::format("{} {} {}", campaign, WBS_FAKE_WORKER, plan));
    wait_until_running(campaign, kill + 1, 3);
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    // The ranks themselves: killing mpirun alone would let them end in some order.
    kill_ranks(campaign, job);
    EXPECT_NE(wait_for(job).status, 0);
    EXPECT_THAT(fsck(campaign).errors, IsEmpty());
  }
  const Finished finished = run(3, "killed", plan);
  EXPECT_EQ(finished.output, whole.output);
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.errors, Not(HasSubstr("tasks_reused=0")));
  EXPECT_THAT(fsck(campaign).errors, IsEmpty());
}

TEST_F(MpiTest, ASignalToMpirunStopsAllRanksInOrder) {
  for (const int signal : {SIGUSR1, SIGTERM, SIGINT}) {
    const std::string campaign = fmt::format("c{}", signal);
    const std::string arguments =
        fmt::format("{} {} 100 sleep", scratch_ / campaign, WBS_FAKE_WORKER);
    const pid_t job = start(2, arguments);
    wait_until_running(scratch_ / campaign, 1, 2);
    ::kill(job, signal);
    const Finished finished = wait_for(job);
    EXPECT_NE(finished.status, 0);
    EXPECT_THAT(finished.errors, HasSubstr("interrupted=SIG")) << strsignal(signal);
    EXPECT_THAT(fsck(scratch_ / campaign).errors, IsEmpty());
    EXPECT_THAT(fsck(scratch_ / campaign).notes, IsEmpty());
  }
}

TEST_F(MpiTest, TheDeadlineEndsTheJobWithItsOwnCode) {
  const Finished finished = run(2, "c", "100 sleep deadline=3");
  EXPECT_EQ(finished.status, 75);
  EXPECT_THAT(finished.errors, HasSubstr("interrupted=deadline"));
  EXPECT_THAT(fsck(scratch_ / "c").errors, IsEmpty());
}

TEST_F(MpiTest, AnErrorOnRankZeroReleasesTheOthers) {
  EXPECT_EQ(run(3, "c", "1 pass throw=1").status, 70);
  EXPECT_EQ(run(3, "c", "1 pass").status, 0);
  const Finished refused = run(3, "c", "1 pass identity=other");
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.errors, HasSubstr("code: was 1, now other"));
}

TEST_F(MpiTest, AnErrorOnOneRankEndsTheJobAndKeepsTheFinishedCases) {
  EXPECT_EQ(run(2, "c", "2 pass").status, 0);
  // Rank 1 cannot make its journal of the next run; rank 0 can.
  make_directories(scratch_ / "c/journal/run-000002-rank-0001.journal");
  const Finished finished = run(2, "c", "4 pass");
  EXPECT_EQ(finished.status, 5);
  EXPECT_THAT(finished.errors, HasSubstr("run-000002-rank-0001.journal: cannot be"));
  std::filesystem::remove(scratch_ / "c/journal/run-000002-rank-0001.journal");
  const Finished next = run(2, "c", "4 pass");
  EXPECT_EQ(next.status, 0);
  EXPECT_THAT(next.errors, Not(HasSubstr("tasks_reused=0")));
}

TEST_F(MpiTest, NoChildOutlivesAKilledRank) {
  const std::string campaign = scratch_ / "c";
  const pid_t job = start(2, fmt::format("{} {} 2 hang", campaign, WBS_FAKE_WORKER));
  wait_until_running(campaign, 1, 2);
  std::vector<int> children;
  for (int tries = 0; tries < 3000 && children.size() < 2; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    children = children_of(campaign);
  }
  EXPECT_EQ(children.size(), 2U);
  kill_ranks(campaign, job);
  EXPECT_NE(wait_for(job).status, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  for (const int child : children) {
    // An ended process may wait for its new parent to collect it: state Z.
    std::ifstream file(fmt::format("/proc/{}/stat", child));
    const std::string state((std::istreambuf_iterator<char>(file)), {});
    EXPECT_TRUE(state.empty() || state.find(") Z ") != std::string::npos) << state;
  }
}

}  // namespace
}  // namespace wbs::harness
