// The stages that this build knows.
#pragma once

#include "harness/stage.hpp"

namespace wbs::apps {

/// Adds prune, compile, simulate and bench to `registry`.
void register_stages(harness::StageRegistry& registry);

}  // namespace wbs::apps
