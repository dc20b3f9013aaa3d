# The serial C library: its headers and libraries stay behind one file.
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)
wbs_library(wbs_hdf5
  SOURCES hdf5_file.cpp
  HEADERS hdf5_file.hpp
  LIBS wbs_core
  PRIVATE_LIBS fmt::fmt)
target_include_directories(wbs_hdf5 SYSTEM PRIVATE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(wbs_hdf5 PRIVATE ${HDF5_C_LIBRARIES})

wbs_test(harness_hdf5_test SOURCES tests/hdf5_file_test.cpp LIBS wbs_hdf5 fmt::fmt)
