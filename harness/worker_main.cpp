#include "harness/worker_main.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "harness/frames.hpp"
#include "harness/outcome.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

using Clock = std::chrono::steady_clock;

/// Erases the non-finite entries of `values`; describes the first in `found`.
void strip(Values& values, const std::string& place, std::string& found) {
  for (auto entry = values.begin(); entry != values.end();) {
    const double* number = std::get_if<double>(&entry->second);
    if (number == nullptr || std::isfinite(*number)) {
      ++entry;
      continue;
    }
    if (found.empty()) found = fmt::format("{}{} is {}", place, entry->first, *number);
    entry = values.erase(entry);
  }
}

/// Takes NaN and infinity out of `result`; the reason ("metric loss is nan") when there was one.
std::string remove_non_finite(StageResult& result) {
  std::string found;
  strip(result.metrics, "metric ", found);
  for (std::size_t row = 0; row < result.rows.size(); ++row) {
    strip(result.rows[row], fmt::format("row {}: ", row), found);
  }
  return found;
}

/// `text`, or with replacement characters where it is no UTF-8: journal and store hold UTF-8 only.
std::string valid_text(const std::string& text) {
  const nlohmann::json json(text);
  try {
    static_cast<void>(json.dump());
    return text;
  } catch (const nlohmann::json::exception&) {
    return nlohmann::json::parse(
               json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
        .get<std::string>();
  }
}

void make_valid(Values& values) {
  for (auto& [name, value] : values) {
    if (std::string* text = std::get_if<std::string>(&value)) *text = valid_text(*text);
  }
}

/// Sends the fraction done to the rank, at most ten times a second.
class ProgressSender {
 public:
  explicit ProgressSender(int fd) : fd_(fd) {}
  void operator()(double fraction) {
    constexpr auto kPause = std::chrono::milliseconds(100);
    const auto now = Clock::now();
    if (now - last_ < kPause) return;
    last_ = now;
    // When the rank is gone, the next read of the main loop ends this process.
    static_cast<void>(send_frame(fd_, pack_message({{"p", fraction}})));
  }

 private:
  int fd_;
  Clock::time_point last_ = Clock::now();
};

nlohmann::json verdict(Outcome outcome, const std::string& reason) {
  return {{"outcome", to_string(outcome)}, {"reason", valid_text(reason)}};
}

/// Runs the stage and says how it ended.
nlohmann::json run_stage(const Stage& stage, const StageRun& run) {
  try {
    StageResult result = stage.run(run);
    const std::string problem = remove_non_finite(result);
    make_valid(result.metrics);
    for (Values& row : result.rows) make_valid(row);
    for (std::string& warning : result.warnings) warning = valid_text(warning);
    nlohmann::json answer = verdict(problem.empty() ? Outcome::passed : Outcome::diverged, problem);
    answer["result"] = to_json(result);
    struct stat status{};
    if (::stat(run.output_path.c_str(), &status) == 0) {
      answer["digest"] = digest_of_file(run.output_path);
    }
    return answer;
  } catch (const Error& error) {
    return verdict(error.kind() == ErrorKind::unsupported ? Outcome::unsupported : Outcome::failed,
                   error.what());
  } catch (const std::bad_alloc&) {
    return verdict(Outcome::failed, "out of memory (an allocation was refused)");
  } catch (const std::exception& error) {
    return verdict(Outcome::failed, fmt::format("unexpected exception: {}", error.what()));
  } catch (...) {
    return verdict(Outcome::failed, "unexpected exception of an unknown type");
  }
}

nlohmann::json answer_request(const StageRegistry& registry, const nlohmann::json& request,
                              int fd) {
  const std::string name = request.at("stage").get<std::string>();
  const Stage* stage = registry.find(name);
  if (stage == nullptr) {
    return verdict(Outcome::failed, fmt::format("the worker program has no stage '{}'", name));
  }
  const Values parameters = values_from_json(request.at("parameters"));
  const auto inputs = request.at("inputs").get<std::map<std::string, std::string>>();
  const StageRun run{parameters,
                     inputs,
                     request.at("output").get<std::string>(),
                     request.at("threads").get<int>(),
                     ProgressSender(fd),
                     request.value("keep", std::string())};
  const auto begin = Clock::now();
  nlohmann::json answer = run_stage(*stage, run);
  answer["seconds"] = std::chrono::duration<double>(Clock::now() - begin).count();
  return answer;
}

}  // namespace

int worker_main(const StageRegistry& registry, int descriptor) {
  int type = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0) return 2;
  FrameReader reader;
  while (reader.receive(descriptor, true)) {
    while (const std::optional<std::string> frame = reader.next()) {
      const nlohmann::json answer = answer_request(registry, unpack_message(*frame), descriptor);
      std::cout.flush();
      std::fflush(nullptr);
      if (!send_frame(descriptor, pack_message(answer))) return 0;
    }
  }
  return 0;
}

}  // namespace wbs::harness
