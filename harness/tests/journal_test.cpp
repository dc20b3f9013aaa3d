#include "harness/journal.hpp"

#include <gmock/gmock.h>

#include <sys/resource.h>
#include <fstream>

#include "core/error.hpp"
#include "harness/tests/scratch.hpp"

namespace wbs::harness {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

std::vector<std::string> payloads() {
  std::vector<std::string> made;
  for (int i = 0; i < 7; ++i) {
    made.push_back(
        fmt::format(R"({{"i":{},"text":"{}"}})", i, std::string(std::size_t(i) * 9, 'x')));
  }
  return made;
}

void write_journal(const std::string& path, const std::vector<std::string>& records) {
  JournalWriter writer(path);
  for (const std::string& record : records) writer.append(record);
  writer.sync();
}

std::vector<std::string> read_all(const std::string& path, JournalReport& report) {
  std::vector<std::string> records;
  report = read_journal(path, [&](std::string_view payload) { records.emplace_back(payload); });
  return records;
}

void overwrite(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

TEST(Journal, ReadsBackWhatWasWritten) {
  const Scratch scratch;
  write_journal(scratch / "j", payloads());
  JournalReport report;
  EXPECT_THAT(read_all(scratch / "j", report), ElementsAreArray(payloads()));
  EXPECT_FALSE(report.torn || report.corrupt);
  EXPECT_EQ(report.valid_bytes, report.file_bytes);
  EXPECT_EQ(first_journal_record(scratch / "j"), payloads().front());
}

TEST(Journal, CutAnywhereKeepsEveryCompleteRecord) {
  const Scratch scratch;
  write_journal(scratch / "j", payloads());
  const std::string whole = read_file(scratch / "j");
  std::vector<std::size_t> ends = {8};  // where a cut is clean
  for (const std::string& payload : payloads()) ends.push_back(ends.back() + 8 + payload.size());
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    overwrite(scratch / "cut", whole.substr(0, cut));
    JournalReport report;
    const std::vector<std::string> records = read_all(scratch / "cut", report);
    const auto complete =
        static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin());
    const std::size_t expected = complete == 0 ? 0 : complete - 1;
    ASSERT_EQ(records.size(), expected) << "cut at byte " << cut;
    const bool clean = std::find(ends.begin(), ends.end(), cut) != ends.end();
    EXPECT_EQ(report.torn, !clean) << "cut at byte " << cut;
    EXPECT_FALSE(report.corrupt) << "cut at byte " << cut;
    EXPECT_EQ(report.problem.empty(), clean);
  }
}

TEST(Journal, EveryDamagedByteEndsTheReadingAtItsRecord) {
  const Scratch scratch;
  write_journal(scratch / "j", payloads());
  const std::string whole = read_file(scratch / "j");
  std::size_t begin = 8;
  for (std::size_t number = 0; number < payloads().size(); ++number) {
    const std::size_t end = begin + 8 + payloads()[number].size();
    for (std::size_t at = begin; at < end; ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      overwrite(scratch / "bad", damaged);
      JournalReport report;
      EXPECT_EQ(read_all(scratch / "bad", report).size(), number) << "byte " << at;
      const bool last = number + 1 == payloads().size();
      EXPECT_EQ(report.corrupt, !last) << "byte " << at;
      EXPECT_THAT(report.problem, HasSubstr(fmt::format("byte {}", begin)));
    }
    begin = end;
  }
}

TEST(Journal, AnotherFileIsRefusedInOneSentence) {
  const Scratch scratch;
  overwrite(scratch / "j", "#!/bin/sh\necho this is no journal\n");
  JournalReport report;
  EXPECT_TRUE(read_all(scratch / "j", report).empty());
  EXPECT_TRUE(report.corrupt);
  EXPECT_THAT(report.problem, HasSubstr("not a journal"));
}

TEST(Journal, HostileLengthsCostNoMemoryAndNoTime) {
  const Scratch scratch;
  std::string hostile = "WBSJRNL1";
  for (int i = 0; i < 100000; ++i) hostile += std::string("\xff\xff\xff\x03{\x01\x02\x03", 8);
  overwrite(scratch / "j", hostile);
  JournalReport report;
  EXPECT_TRUE(read_all(scratch / "j", report).empty());
  EXPECT_FALSE(report.problem.empty());
}

TEST(Journal, ALimitHidesWhatAStrayWriterAppended) {
  const Scratch scratch;
  write_journal(scratch / "j", payloads());
  const std::uint64_t limit = 8 + 8 + payloads()[0].size() + 8 + payloads()[1].size();
  int records = 0;
  const JournalReport report =
      read_journal(scratch / "j", [&](std::string_view) { ++records; }, limit);
  EXPECT_EQ(records, 2);
  EXPECT_FALSE(report.torn || report.corrupt);
}

TEST(Journal, AnExistingFileIsNotTakenOver) {
  const Scratch scratch;
  write_journal(scratch / "j", payloads());
  EXPECT_THROW(JournalWriter(scratch / "j"), Error);
}

TEST(Journal, AFullDiskIsAnErrorAndKeepsWhatWasSynced) {
  const Scratch scratch;
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto former = ::signal(SIGXFSZ, SIG_IGN);
  {
    JournalWriter writer(scratch / "j");
    writer.append(payloads()[1]);
    writer.sync();
    const struct rlimit small{100, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    writer.append("{" + std::string(500, 'x') + "}");
    EXPECT_THROW(writer.sync(), Error);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    // After a torn record nothing may follow.
    writer.append(payloads()[2]);
    EXPECT_THROW(writer.sync(), Error);
  }
  ::signal(SIGXFSZ, former);
  JournalReport report;
  EXPECT_EQ(read_all(scratch / "j", report).size(), 1U);
  EXPECT_TRUE(report.torn);
}

}  // namespace
}  // namespace wbs::harness
