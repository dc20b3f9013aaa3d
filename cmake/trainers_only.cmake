# Packages for a build of wbs-train alone: headers only, wherever they lie (CMAKE_INCLUDE_PATH names
# further folders), because PyTorch's LibTorch may have been built for another ABI of the C++
# library than the system's compiled packages.
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)

# wbs_header_only(TARGET HEADER DEFINITION)
function(wbs_header_only target header definition)
  string(MAKE_C_IDENTIFIER "WBS_${target}_INCLUDE_DIR" folder)
  find_path(${folder} "${header}" REQUIRED)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} SYSTEM INTERFACE "${${folder}}")
  if(definition)
    target_compile_definitions(${target} INTERFACE "${definition}")
  endif()
endfunction()

wbs_header_only(fmt::fmt fmt/format.h FMT_HEADER_ONLY)
wbs_header_only(nlohmann_json::nlohmann_json nlohmann/json.hpp "")
wbs_header_only(tl::expected tl/expected.hpp "")
wbs_header_only(PkgConfig::xxhash xxhash.h XXH_INLINE_ALL)

# The ABI of LibTorch's std::string decides everybody's.
if(WBS_TORCH_DIR)
  file(STRINGS "${WBS_TORCH_DIR}/lib/libc10.so" wbs_torch_abi REGEX "__cxx11" LIMIT_COUNT 1)
  if(wbs_torch_abi)
    add_compile_definitions(_GLIBCXX_USE_CXX11_ABI=1)
  else()
    add_compile_definitions(_GLIBCXX_USE_CXX11_ABI=0)
  endif()
endif()
if(WBS_BUILD_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
