# The serial C library: its headers and libraries stay behind one file.
pkg_check_modules(hdf5 REQUIRED IMPORTED_TARGET hdf5-serial)
wbs_library(wbs_hdf5
  SOURCES hdf5_file.cpp
  HEADERS hdf5_file.hpp
  LIBS wbs_core
  PRIVATE_LIBS fmt::fmt PkgConfig::hdf5)

wbs_test(harness_hdf5_test SOURCES tests/hdf5_file_test.cpp LIBS wbs_hdf5 fmt::fmt)

if(WBS_BUILD_TESTS)
  wbs_program(harness_hdf5_bench SOURCES bench/hdf5_bench.cpp LIBS wbs_hdf5 fmt::fmt)
  set_target_properties(harness_hdf5_bench PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
endif()
