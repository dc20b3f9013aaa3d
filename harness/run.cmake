# The sweep engine. MPI and HDF5 sit in targets of their own, so that commands, children and unit tests
# that need neither do not load them.
find_package(SQLiteCpp REQUIRED)
set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI REQUIRED COMPONENTS CXX)

wbs_library(wbs_worker
  SOURCES frames.cpp worker_main.cpp
  HEADERS frames.hpp worker_main.hpp
  LIBS wbs_stage)

wbs_library(wbs_run
  SOURCES campaign.cpp child_process.cpp committer.cpp coordinator.cpp durations.cpp journal.cpp
          ledger.cpp pack.cpp posix_file.cpp progress.cpp rank_worker.cpp records.cpp scheduler.cpp
          signals.cpp store.cpp store_schema.cpp sweep.cpp transport.cpp
  HEADERS campaign.hpp child_process.hpp committer.hpp coordinator.hpp durations.hpp journal.hpp
          ledger.hpp pack.hpp posix_file.hpp progress.hpp rank_worker.hpp records.hpp scheduler.hpp
          signals.hpp store.hpp sweep.hpp transport.hpp
  LIBS wbs_stage Threads::Threads
  PRIVATE_LIBS wbs_worker SQLiteCpp)

wbs_library(wbs_harness_mpi
  SOURCES mpi_transport.cpp
  HEADERS mpi_transport.hpp
  LIBS wbs_run
  PRIVATE_LIBS MPI::MPI_CXX)
