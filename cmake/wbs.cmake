# Build rules shared by all folders: one call per library, program or test.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

set(WBS_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, e.g. address,undefined or thread")

add_library(wbs_flags INTERFACE)
target_compile_options(wbs_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
# GCC 12 reports false positives from inlined std::string and std::vector code.
target_compile_options(wbs_flags INTERFACE -Wno-restrict -Wno-error=stringop-overflow
                       -Wno-error=array-bounds -Wno-error=maybe-uninitialized)
target_include_directories(wbs_flags INTERFACE "${CMAKE_SOURCE_DIR}")
if(WBS_SANITIZE)
  target_compile_options(wbs_flags INTERFACE -fsanitize=${WBS_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(wbs_flags INTERFACE -fsanitize=${WBS_SANITIZE})
endif()

# wbs_library(NAME SOURCES ... HEADERS ... LIBS ... [PRIVATE_LIBS ...])
function(wbs_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  # Self-contained headers: CMake compiles each alone in <name>_verify_interface_header_sets.
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}" FILES ${ARG_HEADERS})
  set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  target_link_libraries(${name} PUBLIC wbs_flags ${ARG_LIBS} PRIVATE ${ARG_PRIVATE_LIBS})
endfunction()

# wbs_program(NAME SOURCES ... LIBS ...): an executable in <build>/bin
function(wbs_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE wbs_flags ${ARG_LIBS})
endfunction()

# wbs_test(NAME SOURCES ... LIBS ... [LABEL quick|full|long]): GoogleTest cases, each a CTest test
function(wbs_test name)
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
  # Tests run side by side: an OpenMP thread that waits must sleep, not spin on another test's core.
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${ARG_LABEL} ENVIRONMENT OMP_WAIT_POLICY=passive)
endfunction()
