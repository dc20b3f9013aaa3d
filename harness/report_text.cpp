// The file forms of a table: Markdown, LaTeX, CSV, JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "core/text.hpp"
#include "harness/report.hpp"

namespace wbs::harness {
namespace {

std::string header_text(const TableColumn& column) {
  return column.unit.empty() ? column.header : fmt::format("{} [{}]", column.header, column.unit);
}

std::string escape_markdown(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += ' ';
      continue;
    }
    if (c == '|' || c == '\\' || c == '*' || c == '`' || c == '<' || c == '_') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string escape_latex(std::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '\\':
        escaped += "\\textbackslash{}";
        break;
      case '~':
        escaped += "\\textasciitilde{}";
        break;
      case '^':
        escaped += "\\textasciicircum{}";
        break;
      case '<':
        escaped += "\\textless{}";
        break;
      case '>':
        escaped += "\\textgreater{}";
        break;
      case '&':
      case '%':
      case '$':
      case '#':
      case '_':
      case '{':
      case '}':
        escaped += '\\';
        escaped += text[i];
        break;
      default:
        if (text.substr(i, 2) == "±") {
          escaped += "$\\pm$";
          ++i;
        } else {
          escaped += text[i];
        }
    }
  }
  return escaped;
}

std::string escape_csv(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string published_raw(const Cell& cell) {
  return cell.published ? number_text(*cell.published) : cell.published_text;
}

nlohmann::ordered_json cell_json(const Cell& cell) {
  nlohmann::ordered_json json;
  json["text"] = cell.text;
  if (cell.outcome.empty()) return json;
  json["value"] = cell.value ? nlohmann::ordered_json(*cell.value) : nullptr;
  json["outcome"] = cell.outcome;
  if (!cell.reason.empty()) json["reason"] = cell.reason;
  if (cell.spread) {
    json["spread"] = *cell.spread;
    json["samples"] = cell.samples;
  }
  if (cell.published) json["published"] = *cell.published;
  if (!cell.published && !cell.published_text.empty()) json["published"] = cell.published_text;
  if (cell.deviation_percent) json["deviation_percent"] = *cell.deviation_percent;
  json["cases"] = cell.cases;
  if (!cell.baseline_cases.empty()) json["baseline_cases"] = cell.baseline_cases;
  if (!cell.tasks.empty()) json["tasks"] = cell.tasks;
  return json;
}

}  // namespace

std::string markdown_text(const Table& table) {
  std::string text = fmt::format("### {}\n\n|", escape_markdown(table.title));
  for (const TableColumn& column : table.columns) {
    text += fmt::format(" {} |", escape_markdown(header_text(column)));
  }
  text += "\n|";
  for (const TableColumn& column : table.columns) text += column.numeric ? " ---: |" : " :--- |";
  text += '\n';
  for (const std::vector<Cell>& row : table.rows) {
    text += '|';
    for (const Cell& cell : row) {
      text += fmt::format(" {}{} |", escape_markdown(cell.text),
                          cell.footnote == 0 ? "" : fmt::format(" [{}]", cell.footnote));
    }
    text += '\n';
  }
  if (!table.caption.empty()) text += fmt::format("\n{}\n", escape_markdown(table.caption));
  if (!table.footnotes.empty() || !table.notes.empty()) text += '\n';
  for (std::size_t i = 0; i < table.footnotes.size(); ++i) {
    text += fmt::format("- [{}] {}\n", i + 1, escape_markdown(table.footnotes[i]));
  }
  for (const std::string& note : table.notes) text += fmt::format("- {}\n", escape_markdown(note));
  return text;
}

std::string latex_text(const Table& table) {
  std::string text = "% needs \\usepackage{booktabs}\n\\begin{table}\n  \\centering\n";
  text += fmt::format("  \\caption{{{}{}{}}}\n", escape_latex(table.title),
                      table.caption.empty() ? "" : ". ", escape_latex(table.caption));
  text += fmt::format("  \\label{{tab:{}}}\n  \\begin{{tabular}}{{", table.name);
  for (const TableColumn& column : table.columns) text += column.numeric ? 'r' : 'l';
  text += "}\n    \\toprule\n";
  const auto add_line = [&](const std::vector<std::string>& cells) {
    text += fmt::format("    {} \\\\\n", fmt::join(cells, " & "));
  };
  std::vector<std::string> cells;
  cells.reserve(table.columns.size());
  for (const TableColumn& column : table.columns) {
    cells.push_back(escape_latex(header_text(column)));
  }
  add_line(cells);
  text += "    \\midrule\n";
  for (const std::vector<Cell>& row : table.rows) {
    cells.clear();
    for (const Cell& cell : row) {
      cells.push_back(
          escape_latex(cell.text) +
          (cell.footnote == 0 ? "" : fmt::format("\\textsuperscript{{{}}}", cell.footnote)));
    }
    add_line(cells);
  }
  text += "    \\bottomrule\n  \\end{tabular}\n";
  for (std::size_t i = 0; i < table.footnotes.size(); ++i) {
    text += fmt::format("  \\par\\footnotesize\\textsuperscript{{{}}} {}\n", i + 1,
                        escape_latex(table.footnotes[i]));
  }
  for (const std::string& note : table.notes) {
    text += fmt::format("  \\par\\footnotesize {}\n", escape_latex(note));
  }
  return text + "\\end{table}\n";
}

std::string csv_text(const Table& table) {
  std::vector<std::string> fields;
  for (const TableColumn& column : table.columns) {
    fields.push_back(escape_csv(column.name));
    if (!column.beside) continue;
    fields.push_back(escape_csv(column.name + "_published"));
    fields.push_back(escape_csv(column.name + "_deviation_percent"));
  }
  std::string text = fmt::format("{}\n", fmt::join(fields, ","));
  for (const std::vector<Cell>& row : table.rows) {
    fields.clear();
    for (std::size_t i = 0; i < row.size(); ++i) {
      fields.push_back(escape_csv(row[i].raw));
      if (!table.columns[i].beside) continue;
      fields.push_back(escape_csv(published_raw(row[i])));
      fields.push_back(row[i].deviation_percent ? number_text(*row[i].deviation_percent) : "");
    }
    text += fmt::format("{}\n", fmt::join(fields, ","));
  }
  return text;
}

std::string json_text(const Table& table) {
  nlohmann::ordered_json json;
  json["name"] = table.name;
  json["title"] = table.title;
  json["caption"] = table.caption;
  json["columns"] = nlohmann::ordered_json::array();
  for (const TableColumn& column : table.columns) {
    nlohmann::ordered_json entry{{"name", column.name}, {"header", column.header}};
    if (!column.unit.empty()) entry["unit"] = column.unit;
    json["columns"].push_back(std::move(entry));
  }
  json["rows"] = nlohmann::ordered_json::array();
  for (const std::vector<Cell>& row : table.rows) {
    nlohmann::ordered_json cells = nlohmann::ordered_json::array();
    for (const Cell& cell : row) cells.push_back(cell_json(cell));
    json["rows"].push_back(std::move(cells));
  }
  json["footnotes"] = table.footnotes;
  json["notes"] = table.notes;
  // A reason may quote bytes of a damaged file: replaced, never a reason to write no table.
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace wbs::harness
