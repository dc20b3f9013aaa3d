#include "harness/toml_json.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/error.hpp"

namespace wbs::harness {

nlohmann::json read_toml(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorKind::input, fmt::format("{}: cannot be opened for reading", path));
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) throw Error(ErrorKind::io, fmt::format("{}: reading failed", path));
  try {
    std::ostringstream json;
    json << toml::json_formatter{toml::parse(text.str(), path)};
    return nlohmann::json::parse(json.str());
  } catch (const toml::parse_error& error) {
    const toml::source_position place = error.source().begin;
    throw Error(ErrorKind::input,
                fmt::format("{}:{}:{}: {}", path, place.line, place.column, error.description()));
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorKind::input, fmt::format("{}: holds a number that is not finite", path));
  }
}

}  // namespace wbs::harness
