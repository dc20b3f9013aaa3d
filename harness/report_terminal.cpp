// The terminal form of a table.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "core/text.hpp"
#include "harness/report.hpp"

namespace wbs::harness {
namespace {

constexpr std::size_t kGap = 2;  // blanks between columns

/// Columns that `text` takes: code points, since we print no wide or combining characters.
std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  }));
}

std::string without_unicode(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "±") == 0) {
      plain += "+-";
      ++i;
    } else if (static_cast<unsigned char>(text[i]) < 0x80U) {
      plain += text[i];
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0U) == 0xC0U) {
      plain += '?';
    }
  }
  return plain;
}

class TerminalTable {
 public:
  TerminalTable(const Table& table, const TerminalStyle& style) : table_(table), style_(style) {
    std::vector<std::string> headers;
    for (const TableColumn& column : table.columns) {
      headers.push_back(shown(column.unit.empty()
                                  ? column.header
                                  : fmt::format("{} [{}]", column.header, column.unit)));
      labels_ += column.label ? 1U : 0U;
    }
    texts_.push_back(std::move(headers));
    for (const std::vector<Cell>& row : table.rows) {
      std::vector<std::string> texts;
      texts.reserve(row.size());
      for (const Cell& cell : row) {
        texts.push_back(shown(
            cell.footnote == 0 ? cell.text : fmt::format("{} [{}]", cell.text, cell.footnote)));
      }
      texts_.push_back(std::move(texts));
    }
    widths_.assign(table.columns.size(), 0);
    for (const std::vector<std::string>& row : texts_) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        widths_[i] = std::max(widths_[i], display_width(row[i]));
      }
    }
  }

  std::string text() {
    out_ = paint(shown(table_.title), "1") + '\n';
    std::size_t begin = labels_;
    do {
      const std::size_t end = block_end(begin);
      add_block(begin, end);
      begin = end;
      if (begin < widths_.size()) out_ += '\n';
    } while (begin < widths_.size());
    for (std::size_t i = 0; i < table_.footnotes.size(); ++i) {
      add_paragraph(fmt::format("[{}] ", i + 1), table_.footnotes[i]);
    }
    for (const std::string& note : table_.notes) add_paragraph("note: ", note);
    if (!table_.caption.empty()) add_paragraph("", table_.caption);
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string shown(const std::string& text) const {
    return style_.unicode ? text : without_unicode(text);
  }

  [[nodiscard]] std::string paint(const std::string& text, const char* code) const {
    return style_.colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  }

  /// One past the last column that fits beside the labels; at least one column.
  [[nodiscard]] std::size_t block_end(std::size_t begin) const {
    std::size_t used = 0;
    for (std::size_t i = 0; i < labels_; ++i) used += widths_[i] + kGap;
    std::size_t end = begin;
    const auto limit = static_cast<std::size_t>(std::max(style_.width, 20));
    while (end < widths_.size()) {
      used += widths_[end] + (end > begin ? kGap : 0);
      if (used > limit && end > begin) break;
      ++end;
    }
    return end;
  }

  void add_block(std::size_t begin, std::size_t end) {
    std::vector<std::size_t> columns(labels_ + end - begin);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      columns[i] = i < labels_ ? i : begin + i - labels_;
    }
    for (std::size_t row = 0; row < texts_.size(); ++row) {
      add_line(row, columns);
      if (row != 0) continue;
      std::string rule;
      for (const std::size_t column : columns) {
        if (!rule.empty()) rule.append(kGap, ' ');
        for (std::size_t i = 0; i < widths_[column]; ++i) rule += style_.unicode ? "─" : "-";
      }
      out_ += rule + '\n';
    }
  }

  void add_line(std::size_t row, const std::vector<std::size_t>& columns) {
    std::string line;
    std::size_t pending = 0;  // blanks owed before the next text: none trail a line
    for (const std::size_t column : columns) {
      const std::string& text = texts_[row][column];
      const std::size_t padding = widths_[column] - display_width(text);
      const bool right = table_.columns[column].numeric;
      if (right) pending += padding;
      if (!text.empty()) {
        line.append(pending, ' ');
        pending = 0;
        const bool bad = row > 0 && is_bad(table_.rows[row - 1][column]);
        line += bad ? paint(text, "31") : text;
      }
      if (!right) pending += padding;
      pending += kGap;
    }
    out_ += line + '\n';
  }

  [[nodiscard]] static bool is_bad(const Cell& cell) {
    const std::optional<Outcome> outcome = parse_outcome(cell.outcome);
    return outcome && *outcome != Outcome::passed;
  }

  /// Wraps at blanks; following lines are indented to the text after `head`.
  void add_paragraph(const std::string& head, const std::string& text) {
    const auto limit = static_cast<std::size_t>(std::max(style_.width, 40));
    std::string line = head;
    bool fresh = true;
    for (const std::string_view word : split(text, ' ')) {
      const std::string plain = shown(std::string(word));
      if (!fresh && display_width(line) + 1 + display_width(plain) > limit) {
        out_ += line + '\n';
        line = std::string(display_width(head), ' ');
        fresh = true;
      }
      if (!fresh) line += ' ';
      line += plain;
      fresh = false;
    }
    out_ += line + '\n';
  }

  const Table& table_;
  const TerminalStyle& style_;
  std::size_t labels_ = 0;
  std::vector<std::vector<std::string>> texts_;  // the header line first
  std::vector<std::size_t> widths_;
  std::string out_;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read before threads
  return value == nullptr ? std::string{} : std::string(value);
}

}  // namespace

TerminalStyle terminal_style() {
  TerminalStyle style;
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  struct winsize size{};
  if (const auto columns = parse_integer(environment("COLUMNS"));
      columns && *columns > 0 && *columns < 10000) {
    style.width = static_cast<int>(*columns);
  } else if (is_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style.width = size.ws_col;
  }
  std::string locale = environment("LC_ALL");
  if (locale.empty()) locale = environment("LC_CTYPE");
  if (locale.empty()) locale = environment("LANG");
  style.unicode =
      locale.find("UTF-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  // mpirun puts a terminal of its own between us and the user's: nobody knows what is behind it.
  const bool launched =
      !environment("OMPI_COMM_WORLD_SIZE").empty() || !environment("PMIX_RANK").empty();
  const std::string term = environment("TERM");
  style.colour = (is_terminal && !launched && !term.empty() && term != "dumb") ||
                 !environment("CLICOLOR_FORCE").empty();
  if (!environment("NO_COLOR").empty()) style.colour = false;
  return style;
}

std::string terminal_text(const Table& table, const TerminalStyle& style) {
  return TerminalTable(table, style).text();
}

}  // namespace wbs::harness
