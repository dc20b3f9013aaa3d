// Tables as text: terminal, Markdown, LaTeX, CSV and JSON, and their files.
#pragma once

#include <string>
#include <vector>

#include "harness/table.hpp"

namespace wbs::harness {

struct TerminalStyle {
  int width = 120;  ///< columns; a wider table is printed in blocks that repeat the row labels
  bool unicode = true;
  bool colour = false;
};

/// From the environment: COLUMNS, else the terminal's size, else 120 columns; the locale's UTF-8;
/// colour on a terminal unless TERM=dumb or mpirun stands in between, or when CLICOLOR_FORCE asks
/// for it, and never with NO_COLOR (no-color.org).
[[nodiscard]] TerminalStyle terminal_style();

/// Title, aligned columns, footnotes, notes and caption; ends with a line feed.
[[nodiscard]] std::string terminal_text(const Table& table, const TerminalStyle& style);

/// A GitHub-flavoured table under a heading.
[[nodiscard]] std::string markdown_text(const Table& table);

/// A table environment with booktabs rules; everything is escaped.
[[nodiscard]] std::string latex_text(const Table& table);

/// RFC 4180 quoting, lines end with a line feed. One header line; numbers with all digits; cells
/// without a number hold their outcome ("failed"). A column with published values beside ours
/// becomes three: NAME, NAME_published, NAME_deviation_percent.
[[nodiscard]] std::string csv_text(const Table& table);

/// Everything the table knows: per cell text, value, outcome, reason, samples, cases and the keys
/// of the stage executions behind it.
[[nodiscard]] std::string json_text(const Table& table);

/// Writes DIRECTORY/tables/NAME.{md,tex,csv,json}, each to a temporary name first and renamed when
/// complete; returns the paths. Throws Error(io) naming the file; earlier files stay whole.
std::vector<std::string> write_tables(const std::vector<Table>& tables,
                                      const std::string& directory);

}  // namespace wbs::harness
