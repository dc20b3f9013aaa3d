// How long tasks are expected to take, learned from those that finished.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/stage.hpp"

namespace wbs::harness {

/// Expected seconds of a task: the mean over its parameter values of the mean time of tasks of the
/// same stage with that value. Knows nothing of what parameters mean, and still finds that one
/// network takes longer than another. Tasks are numbered by `add`.
class DurationModel {
 public:
  void add(const std::string& stage, const Values& parameters);

  void observe(std::size_t task, double seconds);
  /// Seconds; 1 when nothing is known of the task's stage.
  [[nodiscard]] double expect(std::size_t task) const;
  /// Some task of the same stage has finished.
  [[nodiscard]] bool known(std::size_t task) const;
  [[nodiscard]] std::size_t observations() const noexcept { return observations_; }

 private:
  struct Mean {
    double sum = 0.0;
    std::uint32_t count = 0;
  };
  [[nodiscard]] std::uint32_t group(const std::string& name);

  std::unordered_map<std::string, std::uint32_t> group_numbers_;
  std::vector<Mean> groups_;
  std::vector<std::vector<std::uint32_t>> task_groups_;  ///< first the stage's own group
  std::size_t observations_ = 0;
};

}  // namespace wbs::harness
