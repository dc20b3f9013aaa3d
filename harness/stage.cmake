# Values, stages and outcomes: what every other target of the harness shares.
wbs_library(wbs_stage
  SOURCES values.cpp outcome.cpp stage.cpp
  HEADERS values.hpp outcome.hpp stage.hpp plan.hpp
  LIBS wbs_core nlohmann_json::nlohmann_json
  PRIVATE_LIBS fmt::fmt)

# TOML files that are no experiments.
wbs_library(wbs_toml
  SOURCES toml_json.cpp
  HEADERS toml_json.hpp
  LIBS wbs_core nlohmann_json::nlohmann_json
  PRIVATE_LIBS fmt::fmt tomlplusplus::tomlplusplus)
