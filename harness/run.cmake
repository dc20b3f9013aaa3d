# The sweep engine. MPI and HDF5 sit in targets of their own, so that commands, children and unit tests
# that need neither do not load them.
find_package(SQLiteCpp REQUIRED)
set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI REQUIRED COMPONENTS CXX)

wbs_library(wbs_machine SOURCES machine.cpp HEADERS machine.hpp LIBS wbs_flags)

wbs_library(wbs_posix
  SOURCES posix_file.cpp
  HEADERS posix_file.hpp
  LIBS wbs_core
  PRIVATE_LIBS fmt::fmt)

wbs_library(wbs_worker
  SOURCES frames.cpp worker_main.cpp
  HEADERS frames.hpp worker_main.hpp
  LIBS wbs_stage)

wbs_library(wbs_run
  SOURCES artifact_export.cpp campaign.cpp child_process.cpp committer.cpp coordinator.cpp durations.cpp journal.cpp
          ledger.cpp maintenance.cpp pack.cpp progress.cpp rank_worker.cpp records.cpp scheduler.cpp
          signals.cpp store.cpp store_schema.cpp sweep.cpp transport.cpp
  HEADERS artifact_export.hpp campaign.hpp child_process.hpp committer.hpp coordinator.hpp durations.hpp journal.hpp
          ledger.hpp maintenance.hpp pack.hpp progress.hpp rank_worker.hpp records.hpp scheduler.hpp
          signals.hpp store.hpp sweep.hpp transport.hpp
  LIBS wbs_stage wbs_machine wbs_posix Threads::Threads
  PRIVATE_LIBS wbs_worker SQLiteCpp)

wbs_library(wbs_harness_mpi
  SOURCES mpi_transport.cpp
  HEADERS mpi_transport.hpp
  LIBS wbs_run
  PRIVATE_LIBS MPI::MPI_CXX)

if(WBS_BUILD_TESTS)
  wbs_library(wbs_fake_stages
    SOURCES tests/fake_stages.cpp HEADERS tests/fake_stages.hpp LIBS wbs_run PRIVATE_LIBS fmt::fmt)
  wbs_program(harness_fake_worker SOURCES tests/fake_worker.cpp LIBS wbs_fake_stages wbs_worker)
  wbs_program(harness_sweep_probe SOURCES tests/sweep_probe.cpp
              LIBS wbs_fake_stages wbs_harness_mpi fmt::fmt)
  wbs_program(harness_sweep_bench SOURCES bench/sweep_bench.cpp
              LIBS wbs_fake_stages wbs_harness_mpi fmt::fmt)
  set_target_properties(harness_fake_worker harness_sweep_probe harness_sweep_bench PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  wbs_test(harness_run_unit_test
    SOURCES tests/journal_test.cpp tests/pack_test.cpp tests/progress_test.cpp
          tests/scheduler_test.cpp tests/store_test.cpp
    LIBS wbs_fake_stages SQLiteCpp fmt::fmt)
  wbs_test(harness_sweep_local_test
    SOURCES tests/sweep_local_test.cpp LIBS wbs_fake_stages fmt::fmt)
  target_compile_definitions(harness_sweep_local_test PRIVATE
    WBS_FAKE_WORKER="$<TARGET_FILE:harness_fake_worker>")
  add_dependencies(harness_sweep_local_test harness_fake_worker)
  wbs_test(harness_sweep_mpi_test
    SOURCES tests/sweep_mpi_test.cpp LIBS wbs_run fmt::fmt LABEL full)
  target_compile_definitions(harness_sweep_mpi_test PRIVATE
    WBS_FAKE_WORKER="$<TARGET_FILE:harness_fake_worker>"
    WBS_PROBE="$<TARGET_FILE:harness_sweep_probe>")
  add_dependencies(harness_sweep_mpi_test harness_fake_worker harness_sweep_probe)
endif()
