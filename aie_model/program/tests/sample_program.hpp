// A program for tests of its forms: small, meaningless, every field other than its default.
#pragma once

#include "aie_model/program/program.hpp"

namespace wbs::aie {

[[nodiscard]] Program sample_program();

}  // namespace wbs::aie
