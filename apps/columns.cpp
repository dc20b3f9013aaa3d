#include "apps/columns.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wbs::apps {
namespace {

bool is_numeric(const std::vector<std::vector<std::string>>& rows, std::size_t column) {
  return std::all_of(rows.begin(), rows.end(), [column](const auto& row) {
    return !row[column].empty() && row[column][0] >= '0' && row[column][0] <= '9' &&
           row[column].find('x') == std::string::npos;
  });
}

}  // namespace

std::string aligned(const std::vector<std::string>& header,
                    const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::string& name : header) widths.push_back(name.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::vector<bool> right;
  for (std::size_t i = 0; i < header.size(); ++i)
    right.push_back(!rows.empty() && is_numeric(rows, i));
  std::string text;
  const auto add_row = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += right[i] ? fmt::format("{:>{}}", row[i], widths[i])
                       : fmt::format("{:<{}}", row[i], widths[i]);
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  add_row(header);
  for (const auto& row : rows) add_row(row);
  return text;
}

std::string grouped(long long number) {
  std::string digits = std::to_string(number);
  for (std::size_t end = digits.size(); end > 3 && digits[end - 4] != '-'; end -= 3) {
    digits.insert(end - 3, ",");
  }
  return digits;
}

}  // namespace wbs::apps
