#include "harness/report.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/error.hpp"

namespace wbs::harness {
namespace {

[[noreturn]] void refuse(const std::string& path, int error) {
  throw Error(ErrorKind::io, fmt::format("cannot write '{}': {}", path, std::strerror(error)));
}

/// The file at `path` holds `text`, or is what it was before.
void replace_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".tmp";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) refuse(path, errno);
  std::size_t written = 0;
  int error = 0;
  while (written < text.size() && error == 0) {
    const ssize_t count = ::write(file, text.data() + written, text.size() - written);
    if (count >= 0) {
      written += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (::close(file) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    refuse(path, error);
  }
}

}  // namespace

std::vector<std::string> write_tables(const std::vector<Table>& tables,
                                      const std::string& directory) {
  const std::filesystem::path folder = std::filesystem::path(directory) / "tables";
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) refuse(folder.string(), failure.value());
  struct Form {
    const char* extension;
    std::string (*text)(const Table&);
  };
  const std::array<Form, 4> forms{
      {{".md", markdown_text}, {".tex", latex_text}, {".csv", csv_text}, {".json", json_text}}};
  std::vector<std::string> paths;
  for (const Table& table : tables) {
    for (const Form& form : forms) {
      const std::string path = (folder / (table.name + form.extension)).string();
      replace_file(path, form.text(table));
      paths.push_back(path);
    }
  }
  return paths;
}

}  // namespace wbs::harness
