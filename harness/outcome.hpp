// How an attempt at a stage ended. Outcomes are data: every one is stored, counted and shown.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/stage.hpp"

namespace wbs::harness {

enum class Outcome {
  planned,  ///< not started
  running,  ///< started, not finished: after a crash, an attempt that was lost
  passed,
  failed,       ///< the stage threw, crashed or ran out of memory
  diverged,     ///< a metric is NaN or infinite
  unsupported,  ///< well formed, but the stage refuses it (ErrorKind::unsupported)
  skipped,      ///< an input stage did not pass
  untrusted,    ///< finished, but its artifact failed verification
  timed_out,
  aborted,  ///< stopped by a signal or deadline; resumes with the next run
};

[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;
[[nodiscard]] std::optional<Outcome> parse_outcome(std::string_view text) noexcept;

/// The newest attempt at one task.
struct TaskOutcome {
  Outcome outcome = Outcome::planned;
  std::string reason;   ///< empty when passed
  int attempt = 0;      ///< 1 for the first try
  bool reused = false;  ///< passed in an earlier run of this campaign
  double seconds = 0.0;
  std::string artifact_digest;  ///< empty when the stage wrote none
  StageResult result;
};

}  // namespace wbs::harness
