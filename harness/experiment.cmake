# Experiment files, plans and tables: everything before the first stage runs and after the last.
wbs_library(wbs_experiment
  SOURCES experiment.cpp toml_reader.cpp toml_experiment.cpp toml_table.cpp toml_override.cpp
          filter.cpp expand.cpp expand_check.cpp plan_status.cpp table.cpp table_value.cpp
          report.cpp report_terminal.cpp report_text.cpp
  HEADERS experiment.hpp filter.hpp expand.hpp expand_check.hpp plan_status.hpp table.hpp
          table_value.hpp report.hpp
  LIBS wbs_stage
  PRIVATE_LIBS fmt::fmt nlohmann_json::nlohmann_json tomlplusplus::tomlplusplus)

wbs_test(harness_experiment_test
  SOURCES tests/experiment_test.cpp tests/expand_test.cpp
  LIBS wbs_experiment fmt::fmt)
wbs_test(harness_table_test
  SOURCES tests/table_test.cpp tests/report_test.cpp
  LIBS wbs_experiment nlohmann_json::nlohmann_json fmt::fmt)
