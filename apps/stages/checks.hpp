// Checks of parameters that several stages share: for Stage::validate.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "aie_model/device.hpp"
#include "compiler/core_tile.hpp"
#include "core/error.hpp"
#include "harness/stage.hpp"

namespace wbs::apps {

/// The device of `array`: "4x4" (short for "aie2:4x4"), a name of `wbs list devices`, or a device
/// file (.toml).
[[nodiscard]] Result<aie::Device> find_array(const std::string& array);

/// The rule of that name: last_resort, even_shares or authors.
[[nodiscard]] Result<compiler::CinSplit> find_cin_split(const std::string& name);

/// The parameters network, input and pattern, as every stage that takes a network declares them.
[[nodiscard]] std::vector<harness::ParameterSpec> network_parameters();

/// Why `network`, `input` and `pattern` among `parameters` do not go together: unknown network or
/// pattern, a block larger than a layer that it would apply to. Adds the digest of a network file.
[[nodiscard]] std::vector<std::string> check_network_and_pattern(
    const harness::Values& parameters, std::map<std::string, std::string>& data_digests,
    bool linear_too);

}  // namespace wbs::apps
