// Runs a program as a user would and keeps what it said.
#pragma once

#include <string>
#include <vector>

namespace wbs::tests {

struct CommandResult {
  int exit_code = -1;
  std::string output;  ///< stdout
  std::string errors;  ///< stderr
};

/// Runs `arguments` (the first is a program of this build, or a path) in `directory` and waits.
/// OpenMPI's variables for root are set.
CommandResult run_command(const std::vector<std::string>& arguments, const std::string& directory);

/// The path of a program of this build.
std::string program(const std::string& name);

/// A file of the repository, for example "experiments/table2.toml".
std::string repository_file(const std::string& name);

/// A fresh directory that is removed with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Writes `text` to a file of that name inside and returns its path.
  std::string file(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

/// The whole of a text file; empty when there is none.
std::string slurp(const std::string& path);

}  // namespace wbs::tests
