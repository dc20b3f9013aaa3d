// Whole sweeps in one process, with a real child program.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/error.hpp"
#include "harness/campaign.hpp"
#include "harness/maintenance.hpp"
#include "harness/pack.hpp"
#include "harness/posix_file.hpp"
#include "harness/sweep.hpp"
#include "harness/tests/fake_stages.hpp"
#include "harness/tests/scratch.hpp"

namespace wbs::harness {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SweepTest : public testing::Test {
 protected:
  void SetUp() override {
    add_fake_stages(registry_);
    options_.out = scratch_ / "campaign";
    options_.worker_command = {WBS_FAKE_WORKER};
    options_.progress = false;
    options_.threads = 1;
  }

  SweepSummary sweep(const Plan& plan) {
    LocalTransport transport;
    return run_sweep(plan, registry_, options_, transport);
  }
  /// Of the "use" task of the case of the given mode, n = 0.
  static const TaskOutcome& outcome(const Plan& plan, const SweepSummary& summary,
                                    const std::string& mode) {
    for (const Case& point : plan.cases) {
      if (point.name == "n=0 mode=" + mode) return summary.outcomes[point.tasks.back()];
    }
    throw Error(ErrorKind::internal, "no such case: " + mode);
  }
  void expect_sound() {
    const FsckReport report = fsck(options_.out);
    EXPECT_THAT(report.errors, IsEmpty());
  }
  /// The only pack of the campaign.
  std::string pack_path() {
    const std::string packs = packs_directory(options_.out);
    std::vector<std::string> names = files_in(packs, ".pack");
    for (const std::string& name : files_in(packs, ".artifact")) names.push_back(name);
    EXPECT_EQ(names.size(), 1U);
    return packs + "/" + names.at(0);
  }

  Scratch scratch_;
  StageRegistry registry_;
  SweepOptions options_;
};

TEST_F(SweepTest, EveryKindOfEndingIsAnOutcomeWithItsReason) {
  const Plan plan = fake_plan(
      1, {"pass", "throw", "unsupported", "segfault", "exit", "nan", "memory", "exclusive"});
  const SweepSummary summary = sweep(plan);
  EXPECT_EQ(outcome(plan, summary, "pass").outcome, Outcome::passed);
  EXPECT_EQ(outcome(plan, summary, "exclusive").outcome, Outcome::passed);
  EXPECT_EQ(outcome(plan, summary, "throw").outcome, Outcome::failed);
  EXPECT_EQ(outcome(plan, summary, "throw").reason, "asked to throw");
  EXPECT_EQ(outcome(plan, summary, "unsupported").outcome, Outcome::unsupported);
  EXPECT_EQ(outcome(plan, summary, "segfault").outcome, Outcome::failed);
  EXPECT_THAT(outcome(plan, summary, "segfault").reason, HasSubstr("SIGSEGV"));
  EXPECT_EQ(outcome(plan, summary, "segfault").attempt, 2) << "one retry by default";
  EXPECT_THAT(outcome(plan, summary, "exit").reason, HasSubstr("status 9"));
  EXPECT_EQ(outcome(plan, summary, "nan").outcome, Outcome::diverged);
  EXPECT_EQ(outcome(plan, summary, "nan").reason, "metric loss is nan");
  EXPECT_FALSE(outcome(plan, summary, "nan").result.metrics.contains("loss"));
  EXPECT_THAT(outcome(plan, summary, "memory").reason, HasSubstr("out of memory"));
  EXPECT_EQ(summary.passed, 2U);
  EXPECT_EQ(summary.failed, 6U);
  EXPECT_EQ(summary.exit_code, kExitCaseFailed);
  expect_sound();
}

TEST_F(SweepTest, TextThatIsNotUtf8IsStoredWithReplacements) {
  const Plan plan = fake_plan(1, {"bytes", "bytes_metric"});
  const SweepSummary summary = sweep(plan);
  EXPECT_EQ(outcome(plan, summary, "bytes").reason, "not \xEF\xBF\xBD\xEF\xBF\xBD UTF-8");
  EXPECT_EQ(summary.passed, 1U);
  expect_sound();
}

TEST_F(SweepTest, AHangingStageTimesOut) {
  options_.timeout_s = 0.3;
  options_.retries = 0;
  const Plan plan = fake_plan(1, {"hang", "pass"});
  const SweepSummary summary = sweep(plan);
  EXPECT_EQ(outcome(plan, summary, "hang").outcome, Outcome::timed_out);
  EXPECT_EQ(outcome(plan, summary, "pass").outcome, Outcome::passed);
}

TEST_F(SweepTest, TheSameCommandAgainReusesWhatPassed) {
  const Plan plan = fake_plan(3, {"pass", "throw"});
  const SweepSummary first = sweep(plan);
  const SweepSummary second = sweep(plan);
  EXPECT_EQ(first.tasks_run, 9U);
  EXPECT_EQ(second.tasks_run, 0U);
  EXPECT_EQ(second.reused, 3U);
  EXPECT_EQ(second.failed, 3U);
  for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
    EXPECT_EQ(first.outcomes[task].result.metrics, second.outcomes[task].result.metrics);
    EXPECT_EQ(first.outcomes[task].result.rows, second.outcomes[task].result.rows);
    EXPECT_EQ(first.outcomes[task].reason, second.outcomes[task].reason);
    EXPECT_EQ(second.outcomes[task].reused, first.outcomes[task].outcome == Outcome::passed);
  }
  expect_sound();
}

TEST_F(SweepTest, FailuresAreTriedAgainOnRequestOnly) {
  Plan plan = fake_plan(1, {"flaky"});
  plan.tasks[1].parameters["marker"] = scratch_ / "marker";
  options_.retries = 0;
  EXPECT_EQ(sweep(plan).failed, 1U);
  EXPECT_EQ(sweep(plan).failed, 1U);
  options_.retry_failed = true;
  const SweepSummary summary = sweep(plan);
  EXPECT_EQ(summary.passed, 1U);
  EXPECT_EQ(summary.outcomes[1].attempt, 2);
  expect_sound();
}

TEST_F(SweepTest, ACrashIsTriedAgainAtOnce) {
  Plan plan = fake_plan(1, {"flaky"});
  plan.tasks[1].parameters["marker"] = scratch_ / "marker";
  EXPECT_EQ(sweep(plan).passed, 1U);
}

TEST_F(SweepTest, WhatNeedsAFailedInputIsSkippedWithItsReason) {
  Plan plan = fake_plan(1, {"throw"});
  const std::size_t third = add_task(plan, "use", {{"mode", std::string("pass")}}, {1});
  plan.cases[0].tasks.push_back(third);
  for (int run = 0; run < 2; ++run) {
    const SweepSummary summary = sweep(plan);
    EXPECT_EQ(summary.outcomes[third].outcome, Outcome::skipped);
    EXPECT_EQ(summary.outcomes[third].reason, "use failed: asked to throw");
    expect_sound();
  }
}

TEST_F(SweepTest, AnotherIdentityIsRefusedWithTheNamesOfWhatDiffers) {
  Plan plan = fake_plan(1, {"pass"});
  EXPECT_EQ(sweep(plan).passed, 1U);
  plan.identity = "fake-2";
  plan.identity_parts["code"] = "2";
  try {
    static_cast<void>(sweep(plan));
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("code: was 1, now 2"));
    EXPECT_THAT(error.what(), Not(HasSubstr("experiment:")));
  }
  options_.accept_changes = true;
  const SweepSummary summary = sweep(plan);
  EXPECT_EQ(summary.generation, 2);
  EXPECT_EQ(summary.reused, 1U) << "equal keys are shared over generations";
  expect_sound();
}

TEST_F(SweepTest, ADirectoryOfSomethingElseIsLeftAlone) {
  make_directories(options_.out);
  std::ofstream(options_.out + "/thesis.tex") << "precious";
  EXPECT_THROW(static_cast<void>(sweep(fake_plan(1, {"pass"}))), Error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(options_.out), {}), 1);
}

TEST_F(SweepTest, TwoRunsAtOnceAreRefused) {
  const Plan plan = fake_plan(1, {"pass"});
  EXPECT_EQ(sweep(plan).passed, 1U);
  const CampaignLock lock(options_.out);
  try {
    static_cast<void>(sweep(plan));
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("another run is writing here"));
  }
}

TEST_F(SweepTest, ADamagedArtifactIsMadeAgainBeforeItIsUsed) {
  for (const std::int64_t bytes : {std::int64_t{100}, std::int64_t{2} << 20}) {
    options_.out = scratch_ / fmt::format("damaged{}", bytes);
    const Plan half = fake_plan(1, {}, bytes);
    Plan only_make = half;
    only_make.cases.push_back({"make", {}, {0}});
    EXPECT_EQ(sweep(only_make).passed, 1U);
    const std::string path = pack_path();
    std::string contents = read_file(path);
    contents[40] ^= 1;
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << contents;
    const Plan whole = fake_plan(1, {"pass"}, bytes);
    const SweepSummary summary = sweep(whole);
    EXPECT_EQ(summary.passed, 1U);
    EXPECT_EQ(summary.outcomes[0].attempt, 2) << "made again";
    EXPECT_FALSE(summary.outcomes[0].reused);
    EXPECT_EQ(fsck(options_.out).errors.size(), 1U) << "the damaged pack is still there";
    EXPECT_EQ(clean(options_.out).files.size(), bytes > 100 ? 2U : 1U);
    expect_sound();
  }
}

TEST_F(SweepTest, ALostPackIsMadeAgainOnlyWhenItIsNeeded) {
  EXPECT_EQ(sweep(fake_plan(1, {"pass"})).tasks_run, 2U);
  std::filesystem::remove(pack_path());
  EXPECT_EQ(sweep(fake_plan(1, {"pass"})).tasks_run, 0U);
  EXPECT_EQ(sweep(fake_plan(1, {"pass", "print"})).tasks_run, 2U);
  expect_sound();
}

TEST_F(SweepTest, RebuiltStoreSaysTheSame) {
  EXPECT_EQ(sweep(fake_plan(2, {"pass", "segfault", "nan"})).passed, 2U);
  EXPECT_EQ(sweep(fake_plan(3, {"pass", "warn"})).passed, 6U);
  std::string before;
  {
    Store store(store_path(options_.out));
    before = store.dump();
  }
  for (const bool damaged : {false, true}) {
    if (damaged) std::ofstream(store_path(options_.out)) << "rubbish";
    rebuild_store(options_.out);
    Store store(store_path(options_.out));
    EXPECT_EQ(store.dump(), before);
  }
  expect_sound();
}

TEST_F(SweepTest, ADamagedStoreDoesNotStopTheNextRun) {
  EXPECT_EQ(sweep(fake_plan(2, {"pass"})).passed, 2U);
  std::ofstream(store_path(options_.out)) << "rubbish";
  EXPECT_EQ(fsck(options_.out).errors.size(), 1U);
  EXPECT_EQ(sweep(fake_plan(2, {"pass"})).reused, 2U);
  expect_sound();
}

TEST_F(SweepTest, AJournalCutAnywhereKeepsTheFinishedCases) {
  const Plan plan = fake_plan(4, {"pass"});
  const SweepSummary complete = sweep(plan);
  const std::string journal = journal_directory(options_.out) + "/run-000001-rank-0000.journal";
  const std::string whole = read_file(journal);
  const std::string original = options_.out;
  for (std::size_t cut = 0; cut < whole.size(); cut += 97) {
    options_.out = scratch_ / "cut";
    std::filesystem::remove_all(options_.out);
    std::filesystem::copy(original, options_.out, std::filesystem::copy_options::recursive);
    std::filesystem::resize_file(journal_directory(options_.out) + "/run-000001-rank-0000.journal",
                                 cut);
    const SweepSummary summary = sweep(plan);
    EXPECT_EQ(summary.passed, 4U) << "cut at " << cut;
    EXPECT_THAT(summary.notices, IsEmpty());
    for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
      EXPECT_EQ(summary.outcomes[task].result.metrics, complete.outcomes[task].result.metrics);
    }
    EXPECT_THAT(fsck(options_.out).errors, IsEmpty()) << "cut at " << cut;
  }
}

TEST_F(SweepTest, AFullDiskIsOneErrorAndTheFinishedCasesStay) {
  const Plan some = fake_plan(3, {"pass"});
  EXPECT_EQ(sweep(some).passed, 3U);
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small{20'000, before.rlim_max};
  const Plan all = fake_plan(200, {"pass"});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto former = ::signal(SIGXFSZ, SIG_IGN);
  std::string message;
  try {
    static_cast<void>(sweep(all));
  } catch (const Error& error) {
    message = error.what();
    EXPECT_EQ(error.kind(), ErrorKind::io);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, former);
  EXPECT_THAT(message, HasSubstr(options_.out)) << "the message names the file";
  const SweepSummary after = sweep(all);
  EXPECT_EQ(after.passed, 200U);
  EXPECT_GE(after.reused, 3U);
  expect_sound();
}

TEST_F(SweepTest, AnUnwritableDirectoryIsOneError) {
  options_.out = "/proc/wbs-cannot-be-made";
  try {
    static_cast<void>(sweep(fake_plan(1, {"pass"})));
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_THAT(error.what(), HasSubstr("/proc/wbs-cannot-be-made"));
  }
}

TEST_F(SweepTest, AMissingWorkerProgramIsOneError) {
  options_.worker_command = {"/nonexistent/wbs-worker"};
  try {
    static_cast<void>(sweep(fake_plan(1, {"pass"})));
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/wbs-worker"));
  }
}

TEST_F(SweepTest, TheDeadlineStopsInOrderAndTheNextRunContinues) {
  options_.deadline_s = 0.5;
  options_.stop_grace_s = 0.2;
  const Plan plan = fake_plan(20, {"sleep"});
  const SweepSummary first = sweep(plan);
  EXPECT_EQ(first.interrupted, "deadline");
  EXPECT_EQ(first.exit_code, kExitInterrupted);
  EXPECT_LT(first.passed, 20U);
  expect_sound();
  options_.deadline_s = 0;
  const SweepSummary second = sweep(plan);
  EXPECT_EQ(second.passed, 20U);
  EXPECT_GE(second.tasks_reused, first.tasks_run - 1);
  expect_sound();
}

TEST_F(SweepTest, ASignalStopsInOrderAndAbortsWhatDoesNotEnd) {
  options_.stop_grace_s = 0.1;
  const Plan plan = fake_plan(1, {"pass", "hang"});
  std::thread killer([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    ::kill(::getpid(), SIGTERM);
  });
  const SweepSummary summary = sweep(plan);
  killer.join();
  EXPECT_EQ(summary.interrupted, "SIGTERM");
  EXPECT_EQ(summary.exit_code, kExitInterrupted);
  EXPECT_EQ(outcome(plan, summary, "hang").outcome, Outcome::aborted);
  expect_sound();
}

TEST_F(SweepTest, AStrayProcessOfAnEarlierRunCannotWriteAnyMore) {
  const Plan plan = fake_plan(1, {"pass"});
  EXPECT_EQ(sweep(plan).passed, 1U);
  EXPECT_EQ(sweep(plan).passed, 1U);
  // What a process of run 1 that was thought dead would append: a later attempt with another
  // result.
  AttemptRecord record;
  record.key = plan.tasks[1].key;
  record.run = 1;
  record.attempt = 99;
  record.outcome = Outcome::passed;
  record.result.metrics["digest"] = std::string("forged");
  {
    JournalWriter writer(scratch_ / "forged");
    writer.append(to_json(record).dump());
    writer.sync();
  }
  constexpr std::size_t kHeader = 8;
  std::ofstream(journal_directory(options_.out) + "/run-000001-rank-0000.journal",
                std::ios::binary | std::ios::app)
      << read_file(scratch_ / "forged").substr(kHeader);
  const SweepSummary summary = sweep(plan);
  EXPECT_NE(summary.outcomes[1].result.metrics.at("digest"), Value("forged"));
  EXPECT_EQ(summary.outcomes[1].attempt, 1);
  expect_sound();
}

TEST_F(SweepTest, MeasuringStagesRunAgainOnRequest) {
  const Plan plan = fake_plan(1, {"pass", "exclusive"});
  EXPECT_EQ(sweep(plan).tasks_run, 3U);
  options_.remeasure = true;
  EXPECT_EQ(sweep(plan).tasks_run, 1U);
  expect_sound();
}

TEST_F(SweepTest, LogsHoldWhatEachAttemptPrinted) {
  EXPECT_EQ(sweep(fake_plan(2, {"print", "pass", "segfault"})).passed, 4U);
  const std::string text = case_logs(options_.out, "n=1 mode=print");
  EXPECT_THAT(text, HasSubstr("== use, attempt 1 (run 1, rank 0): passed"));
  EXPECT_THAT(text, HasSubstr("standard output of a stage\n"));
  EXPECT_THAT(text, HasSubstr("standard error of a stage\n"));
  EXPECT_THAT(case_logs(options_.out, "n=0 mode=segf"), HasSubstr("attempt 2"));
  EXPECT_THROW(static_cast<void>(case_logs(options_.out, "mode=pass")), Error);
}

TEST_F(SweepTest, CleanRemovesOnlyWhatTheNewestGenerationDoesNotNeed) {
  Plan old_plan = fake_plan(1, {"pass"}, 2 << 20);
  EXPECT_EQ(sweep(old_plan).passed, 1U);
  EXPECT_THAT(clean(options_.out).files, IsEmpty());
  Plan new_plan = fake_plan(1, {"pass"}, 3 << 20);
  new_plan.identity = "fake-2";
  options_.accept_changes = true;
  EXPECT_EQ(sweep(new_plan).passed, 1U);
  EXPECT_EQ(clean(options_.out, true).bytes / (1 << 20), 2U);
  EXPECT_EQ(clean(options_.out).files.size(), 2U);
  EXPECT_THAT(pack_path(), HasSubstr("run-000002"));
  expect_sound();
  EXPECT_EQ(sweep(new_plan).reused, 1U);
  expect_sound();
}

TEST_F(SweepTest, TheCampaignCanBeLoadedWithItsPlan) {
  const Plan part = [] {
    Plan plan = fake_plan(3, {"pass", "warn"});
    plan.cases.erase(plan.cases.begin(), plan.cases.begin() + 4);
    return plan;
  }();
  EXPECT_EQ(sweep(part).passed, 2U);
  const Plan plan = fake_plan(3, {"pass", "warn"});
  const SweepSummary summary = sweep(plan);
  const LoadedCampaign loaded = load_campaign(options_.out);
  ASSERT_EQ(loaded.plan.cases.size(), plan.cases.size());
  for (std::size_t at = 0; at < plan.cases.size(); ++at) {
    const Case& mine = plan.cases[at];
    const Case& theirs = loaded.plan.cases[at];
    EXPECT_EQ(mine.name, theirs.name);
    EXPECT_EQ(mine.parameters, theirs.parameters);
    for (std::size_t stage = 0; stage < mine.tasks.size(); ++stage) {
      EXPECT_EQ(plan.tasks[mine.tasks[stage]].key, loaded.plan.tasks[theirs.tasks[stage]].key);
      EXPECT_EQ(summary.outcomes[mine.tasks[stage]].result.metrics,
                loaded.outcomes[theirs.tasks[stage]].result.metrics);
    }
  }
  EXPECT_THROW(static_cast<void>(load_campaign(scratch_.path())), Error);
}

}  // namespace
}  // namespace wbs::harness
