# LibTorch: Debian's 1.13, or PyTorch's own 2.x. Its headers take 20 s per source file, so every
# target that sees them uses one precompiled header.
#
# PyTorch's CMake files want the CUDA toolkit wherever their LibTorch has CUDA; WBS_TORCH_DIR (for
# example .../site-packages/torch) takes headers and libraries without them.
set(WBS_TORCH_DIR "" CACHE PATH "A folder with LibTorch's include/ and lib/, instead of find_package")

add_library(wbs_torch INTERFACE)
if(WBS_TORCH_DIR)
  target_include_directories(wbs_torch SYSTEM INTERFACE
    "${WBS_TORCH_DIR}/include" "${WBS_TORCH_DIR}/include/torch/csrc/api/include")
  set(wbs_torch_libraries "")
  foreach(library torch torch_cpu torch_cuda c10_cuda c10)
    if(EXISTS "${WBS_TORCH_DIR}/lib/lib${library}.so")
      list(APPEND wbs_torch_libraries "${WBS_TORCH_DIR}/lib/lib${library}.so")
    endif()
  endforeach()
  # Nothing refers to torch_cuda by name: it registers itself when it is loaded.
  target_link_libraries(wbs_torch INTERFACE -Wl,--no-as-needed ${wbs_torch_libraries} -Wl,--as-needed)
  target_link_options(wbs_torch INTERFACE "-Wl,-rpath,${WBS_TORCH_DIR}/lib")
else()
  find_package(Torch REQUIRED)
  target_include_directories(wbs_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(wbs_torch INTERFACE ${TORCH_LIBRARIES})
endif()

# wbs_torch_target(NAME): gives a target of our rules LibTorch and the precompiled header.
# Its headers are not verified one by one: each would take 20 s.
function(wbs_torch_target name)
  set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS OFF)
  get_target_property(kind ${name} TYPE)
  if(kind STREQUAL "EXECUTABLE")
    target_link_libraries(${name} PRIVATE wbs_torch)
  else()
    target_link_libraries(${name} PUBLIC wbs_torch)
  endif()
  if(name STREQUAL "wbs_trainers_interface")
    target_precompile_headers(${name} PRIVATE <torch/torch.h> <nlohmann/json.hpp>)
  else()
    target_precompile_headers(${name} REUSE_FROM wbs_trainers_interface)
  endif()
endfunction()

# wbs_torch_test(NAME SOURCES ... LIBS ... [LABEL ...]): all cases of the program as one CTest test,
# because a process linked to LibTorch takes 0.3 s before main.
function(wbs_torch_test name)
  if(NOT WBS_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;LIBS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL quick)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_link_libraries(${name} PRIVATE wbs_flags ${ARG_LIBS} GTest::gmock GTest::gtest GTest::gtest_main)
  wbs_torch_target(${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL}
    ENVIRONMENT "OMP_WAIT_POLICY=passive;OPENBLAS_NUM_THREADS=1")
endfunction()
