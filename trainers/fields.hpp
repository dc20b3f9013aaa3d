// Reading the members of a JSON object into a struct, with all problems reported together.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace wbs::trainers {

/// Reads members of one JSON object. A member that is absent leaves its value as it is. Problems
/// are sentences with the member's full name ("recipe.batch: 0 is not at least 1"); finish() adds
/// those about unknown members.
class Fields {
 public:
  /// `where` stands before every member's name: "recipe". A value that is no object is a problem.
  Fields(const nlohmann::json& object, std::string where, std::vector<std::string>& problems);

  void read(std::string_view name, bool& value);
  void read(std::string_view name, std::string& value);
  void read(std::string_view name, std::int64_t& value, std::int64_t least, std::int64_t most);
  void read(std::string_view name, double& value, double least, double most);
  void read(std::string_view name, std::vector<double>& value, double least, double most);
  /// One of `choices`; value becomes its index.
  void read_choice(std::string_view name, std::size_t& value,
                   const std::vector<std::string>& choices);
  /// The member as it is, or null.
  [[nodiscard]] nlohmann::json member(std::string_view name);

  /// Every member that was not asked for is a problem.
  void finish();

 private:
  const nlohmann::json* find(std::string_view name);
  void problem(std::string_view name, const std::string& what);

  const nlohmann::json& object_;
  std::string where_;
  std::vector<std::string>& problems_;
  std::set<std::string, std::less<>> known_;
};

/// Throws Error(usage) with all of `problems` unless there are none.
void throw_problems(const std::vector<std::string>& problems);

}  // namespace wbs::trainers
