#include "harness/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include <fstream>

#include "core/error.hpp"
#include "harness/tests/scratch.hpp"

namespace wbs::harness {
namespace {

using testing::HasSubstr;

RunRecord run_number(int run, int generation) {
  RunRecord record;
  record.run = run;
  record.generation = generation;
  record.experiment = "e";
  record.identity = "i";
  return record;
}

AttemptRecord attempt(const std::string& key, int run, int number, Outcome outcome, double time) {
  AttemptRecord record;
  record.key = key;
  record.run = run;
  record.attempt = number;
  record.outcome = outcome;
  record.result.metrics["time_s"] = time;
  record.result.rows = {{{"layer", std::string("conv1")}, {"cycles", std::int64_t{5}}}};
  record.result.warnings = {"careful"};
  return record;
}

/// Dense and sparse case of two arrays.
void put_plan(Store& store) {
  store.put(run_number(1, 1));
  for (const char* array : {"2x2", "4x4"}) {
    for (const char* pattern : {"dense", "block:8x8@0.5"}) {
      const std::string key = std::string(array) + pattern;
      const Values parameters = {{"array", std::string(array)}, {"pattern", std::string(pattern)}};
      store.put(TaskRecord{key, "simulate", parameters, {}, {}});
      store.put(CaseRecord{1, key, parameters, {key}});
    }
  }
}

TEST(Store, SpeedupsCompareWithTheDenseCaseOfTheSameOtherParameters) {
  const Scratch scratch;
  const std::string path = scratch / "s.sqlite";
  Store store(path);
  put_plan(store);
  store.put(attempt("2x2dense", 1, 1, Outcome::passed, 8.0));
  store.put(attempt("2x2block:8x8@0.5", 1, 1, Outcome::passed, 4.0));
  store.put(attempt("4x4dense", 1, 1, Outcome::failed, 3.0));
  store.put(attempt("4x4block:8x8@0.5", 1, 1, Outcome::passed, 2.0));
  store.commit();
  SQLite::Database database(path);
  SQLite::Statement query(database,
                          "SELECT case_name, speedup FROM speedups WHERE pattern <> 'dense'");
  ASSERT_TRUE(query.executeStep());
  EXPECT_EQ(query.getColumn(0).getString(), "2x2block:8x8@0.5");
  EXPECT_DOUBLE_EQ(query.getColumn(1).getDouble(), 2.0);
  EXPECT_FALSE(query.executeStep()) << "a failed baseline must give no speed-up";
  EXPECT_EQ(database.execAndGet("SELECT count(*) FROM case_metrics").getInt(), 4);
}

TEST(Store, TheOrderOfAttemptsDoesNotMatter) {
  Store forward(":memory:");
  Store backward(":memory:");
  for (Store* store : {&forward, &backward}) put_plan(*store);
  std::vector<AttemptRecord> attempts;
  for (int run = 1; run <= 1; ++run) {
    for (int number = 1; number <= 4; ++number) {
      attempts.push_back(attempt("2x2dense", run, number,
                                 number == 4 ? Outcome::passed : Outcome::failed, number));
    }
  }
  attempts[3].result.rows.clear();
  for (const AttemptRecord& record : attempts) forward.put(record);
  for (auto record = attempts.rbegin(); record != attempts.rend(); ++record) backward.put(*record);
  EXPECT_EQ(forward.dump(), backward.dump());
  EXPECT_THAT(forward.dump(), HasSubstr("metrics\t\"2x2dense\"\t\"time_s\"\t\"4.0\""));
  EXPECT_THAT(forward.dump(), testing::Not(HasSubstr("conv1")));
}

TEST(Store, ANewGenerationHidesTheOldOnesCases) {
  const Scratch scratch;
  const std::string path = scratch / "s.sqlite";
  Store store(path);
  put_plan(store);
  store.put(attempt("2x2dense", 1, 1, Outcome::passed, 8.0));
  store.put(run_number(2, 2));
  store.put(CaseRecord{2, "only", {{"pattern", std::string("dense")}}, {"2x2dense"}});
  store.commit();
  SQLite::Database database(path);
  EXPECT_EQ(database.execAndGet("SELECT group_concat(case_name) FROM case_metrics").getString(),
            "only");
  EXPECT_EQ(database.execAndGet("SELECT count(*) FROM pragma_foreign_key_check").getInt(), 0);
}

TEST(Store, AFileThatIsNoDatabaseIsOneClearError) {
  const Scratch scratch;
  std::ofstream(scratch / "s.sqlite") << std::string(5000, 'x');
  try {
    const Store store(scratch / "s.sqlite");
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("s.sqlite"));
    EXPECT_EQ(error.kind(), ErrorKind::io);
  }
}

}  // namespace
}  // namespace wbs::harness
