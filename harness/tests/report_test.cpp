// Golden texts of the five forms of a table, and their files.
#include "harness/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace wbs::harness {
namespace {

Cell label(const std::string& text) {
  Cell cell;
  cell.text = cell.raw = text;
  return cell;
}

Cell number(double value, const std::string& text) {
  Cell cell;
  cell.text = text;
  cell.raw = text;
  cell.value = value;
  cell.outcome = "passed";
  cell.cases = {"flour=rye"};
  return cell;
}

Cell failed() {
  Cell cell;
  cell.text = cell.raw = cell.outcome = "failed";
  cell.reason = "bake: 100% burnt";
  cell.footnote = 1;
  return cell;
}

Table cakes() {
  Table table;
  table.name = "cakes";
  table.title = "Cakes & pies";
  table.caption = "Over 50% rye_flour.";
  table.columns = {{"flour", "flour", "", true, false, false},
                   {"time", "time", "ms", false, true, true}};
  Cell time = number(2.5, "2.5 ±0.1");
  time.raw = "2.5";
  time.published = 2.0;
  time.published_text = "2";
  time.deviation_percent = 25.0;
  table.rows = {{label("rye, \"dark\""), time}, {label("a|b"), failed()}};
  table.footnotes = {"failed: bake: 100% burnt"};
  table.notes = {"1 of 2 cases did not pass: 1 failed"};
  return table;
}

TEST(Report, TerminalAlignsColumnsAndListsFootnotes) {
  EXPECT_EQ(terminal_text(cakes(), {80, true, false}),
            "Cakes & pies\n"
            "flour         time [ms]\n"
            "───────────  ──────────\n"
            "rye, \"dark\"    2.5 ±0.1\n"
            "a|b          failed [1]\n"
            "[1] failed: bake: 100% burnt\n"
            "note: 1 of 2 cases did not pass: 1 failed\n"
            "Over 50% rye_flour.\n");
}

TEST(Report, TerminalWithoutUnicodeIsAscii) {
  const std::string text = terminal_text(cakes(), {80, false, false});
  EXPECT_THAT(text, testing::HasSubstr("2.5 +-0.1"));
  EXPECT_THAT(text, testing::HasSubstr("-----------  ----------\n"));
  for (const char byte : text) EXPECT_LT(static_cast<unsigned char>(byte), 0x80U);
}

TEST(Report, ColourMarksTitleAndFailuresOnly) {
  const std::string text = terminal_text(cakes(), {80, true, true});
  EXPECT_THAT(text, testing::StartsWith("\x1b[1mCakes & pies\x1b[0m\n"));
  EXPECT_THAT(text, testing::HasSubstr("\x1b[31mfailed [1]\x1b[0m\n"));
}

TEST(Report, StyleFollowsTheEnvironment) {
  const auto set = [](const char* name, const char* value) {
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  };
  set("COLUMNS", "77");
  set("LC_ALL", "C");
  set("NO_COLOR", nullptr);
  set("CLICOLOR_FORCE", "1");
  EXPECT_EQ(terminal_style().width, 77);
  EXPECT_FALSE(terminal_style().unicode);
  EXPECT_TRUE(terminal_style().colour);
  set("LC_ALL", "de_DE.UTF-8");
  set("NO_COLOR", "1");
  EXPECT_TRUE(terminal_style().unicode);
  EXPECT_FALSE(terminal_style().colour);
}

TEST(Report, TerminalSplitsATableThatIsTooWideAndRepeatsTheLabels) {
  Table table;
  table.title = "Wide";
  table.columns = {{"row", "row", "", true, false, false}};
  std::vector<Cell> row{label("first")};
  for (const char* name : {"aaaaaaaa", "bbbbbbbb", "cccccccc"}) {
    table.columns.push_back({name, name, "", false, true, false});
    row.push_back(number(1, "1"));
  }
  table.rows = {row};
  EXPECT_EQ(terminal_text(table, {26, false, false}),
            "Wide\n"
            "row    aaaaaaaa  bbbbbbbb\n"
            "-----  --------  --------\n"
            "first         1         1\n"
            "\n"
            "row    cccccccc\n"
            "-----  --------\n"
            "first         1\n");
}

TEST(Report, LongNotesAreWrappedUnderTheirHead) {
  Table table;
  table.title = "T";
  table.columns = {{"row", "row", "", true, false, false}};
  table.footnotes = {"one two three four five six seven eight nine ten"};
  EXPECT_EQ(terminal_text(table, {40, false, false}),
            "T\nrow\n---\n"
            "[1] one two three four five six seven\n"
            "    eight nine ten\n");
}

TEST(Report, MarkdownEscapesAndAligns) {
  EXPECT_EQ(markdown_text(cakes()),
            "### Cakes & pies\n\n"
            "| flour | time [ms] |\n"
            "| :--- | ---: |\n"
            "| rye, \"dark\" | 2.5 ±0.1 |\n"
            "| a\\|b | failed [1] |\n"
            "\n"
            "Over 50% rye\\_flour.\n"
            "\n"
            "- [1] failed: bake: 100% burnt\n"
            "- 1 of 2 cases did not pass: 1 failed\n");
}

TEST(Report, LatexUsesBooktabsAndEscapes) {
  EXPECT_EQ(latex_text(cakes()),
            "% needs \\usepackage{booktabs}\n"
            "\\begin{table}\n"
            "  \\centering\n"
            "  \\caption{Cakes \\& pies. Over 50\\% rye\\_flour.}\n"
            "  \\label{tab:cakes}\n"
            "  \\begin{tabular}{lr}\n"
            "    \\toprule\n"
            "    flour & time [ms] \\\\\n"
            "    \\midrule\n"
            "    rye, \"dark\" & 2.5 $\\pm$0.1 \\\\\n"
            "    a|b & failed\\textsuperscript{1} \\\\\n"
            "    \\bottomrule\n"
            "  \\end{tabular}\n"
            "  \\par\\footnotesize\\textsuperscript{1} failed: bake: 100\\% burnt\n"
            "  \\par\\footnotesize 1 of 2 cases did not pass: 1 failed\n"
            "\\end{table}\n");
}

TEST(Report, CsvQuotesAndKeepsOutcomesAsText) {
  EXPECT_EQ(csv_text(cakes()),
            "flour,time,time_published,time_deviation_percent\n"
            "\"rye, \"\"dark\"\"\",2.5,2,25\n"
            "a|b,failed,,\n");
}

TEST(Report, JsonKeepsCasesReasonsAndValues) {
  const nlohmann::json json = nlohmann::json::parse(json_text(cakes()));
  EXPECT_EQ(json["name"], "cakes");
  EXPECT_EQ(json["columns"][1]["unit"], "ms");
  const nlohmann::json& time = json["rows"][0][1];
  EXPECT_EQ(time["value"], 2.5);
  EXPECT_EQ(time["published"], 2.0);
  EXPECT_EQ(time["deviation_percent"], 25.0);
  EXPECT_EQ(time["cases"][0], "flour=rye");
  const nlohmann::json& burnt = json["rows"][1][1];
  EXPECT_TRUE(burnt["value"].is_null());
  EXPECT_EQ(burnt["outcome"], "failed");
  EXPECT_EQ(burnt["reason"], "bake: 100% burnt");
}

TEST(Report, JsonSurvivesBytesThatAreNoText) {
  Table table = cakes();
  table.notes = {"\xff\xfe"};
  EXPECT_TRUE(nlohmann::json::accept(json_text(table)));
}

class ReportFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("wbs_report_" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(ReportFiles, FourFilesPerTableAndNothingElse) {
  const std::vector<std::string> paths = write_tables({cakes()}, folder_.string());
  const std::string stem = (folder_ / "tables" / "cakes").string();
  EXPECT_THAT(paths,
              testing::ElementsAre(stem + ".md", stem + ".tex", stem + ".csv", stem + ".json"));
  std::ifstream file(stem + ".csv");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), csv_text(cakes()));
  const std::filesystem::directory_iterator files(folder_ / "tables");
  EXPECT_EQ(std::distance(std::filesystem::begin(files), std::filesystem::end(files)), 4);
}

TEST_F(ReportFiles, AnUnwritableDirectoryIsOneIoError) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / "tables") << "a file where the folder should be";
  try {
    (void)write_tables({cakes()}, folder_.string());
    FAIL() << "wrote into a file";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_THAT(error.what(), testing::HasSubstr((folder_ / "tables").string()));
  }
}

}  // namespace
}  // namespace wbs::harness
