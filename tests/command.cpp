#include "tests/command.hpp"

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace wbs::tests {
namespace {

std::string quoted(const std::string& argument) {
  std::string text = "'";
  for (const char character : argument) {
    text += character == '\'' ? std::string("'\\''") : std::string(1, character);
  }
  return text + "'";
}

}  // namespace

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string program(const std::string& name) {
  return std::string(WBS_BIN_DIR) + "/" + name;
}

std::string repository_file(const std::string& name) {
  return std::string(WBS_SOURCE_DIR) + "/" + name;
}

CommandResult run_command(const std::vector<std::string>& arguments, const std::string& directory) {
  const TemporaryDirectory files;
  std::string line =
      "cd " + quoted(directory) + " && OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1";
  for (const std::string& argument : arguments) line += " " + quoted(argument);
  const std::string output = files.path() + "/out";
  const std::string errors = files.path() + "/err";
  line += " >" + quoted(output) + " 2>" + quoted(errors) + " </dev/null";
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp(output), slurp(errors)};
}

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "wbs-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::file(const std::string& name, const std::string& text) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

}  // namespace wbs::tests
