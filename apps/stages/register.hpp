// The stages that this build knows.
#pragma once

#include "harness/stage.hpp"

namespace wbs::apps {

/// Adds prune, compile and simulate to `registry`.
void register_stages(harness::StageRegistry& registry);

}  // namespace wbs::apps
