// Rooflines, gains and energy proxies as JSON and as tables for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "aie_model/roofline/energy.hpp"
#include "aie_model/roofline/gain.hpp"
#include "aie_model/roofline/roofline.hpp"

namespace wbs::apps {

/// {peak_macs_per_cycle, peak_bytes_per_cycle, total, layers}; each layer with its bound, ceilings,
/// intensities and the shares of core time. What is infinite (no bytes, no use) is null.
[[nodiscard]] nlohmann::json to_json(const aie::Roofline& roofline);
[[nodiscard]] std::string to_text(const aie::Roofline& roofline);

/// {total, layers, bound_share}.
[[nodiscard]] nlohmann::json to_json(const aie::SparseGain& gain);
[[nodiscard]] std::string to_text(const aie::SparseGain& gain);

/// Microjoules by part, and in words what they are.
[[nodiscard]] nlohmann::json to_json(const aie::EnergyProxy& energy);

}  // namespace wbs::apps
