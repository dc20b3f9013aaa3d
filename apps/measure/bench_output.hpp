// A bench report for programs and for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/measure/bench.hpp"

namespace wbs::apps {

/// The report as JSON; `samples` adds every timing. Numbers that do not exist are null.
[[nodiscard]] nlohmann::json bench_json(const BenchRequest& request, const BenchReport& report,
                                        bool samples);

/// A table of the layers and a footer with means and machine.
[[nodiscard]] std::string bench_text(const BenchRequest& request, const BenchReport& report);

}  // namespace wbs::apps
