# LibTorch: its own version (Debian's 1.13, or PyTorch's 2.x through -DCMAKE_PREFIX_PATH=.../torch).
# Its headers take 20 s per source file, so every target that sees them uses one precompiled header.
find_package(Torch REQUIRED)

add_library(wbs_torch INTERFACE)
target_include_directories(wbs_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(wbs_torch INTERFACE ${TORCH_LIBRARIES})

# wbs_torch_target(NAME): gives a target of our rules LibTorch and the precompiled header.
function(wbs_torch_target name)
  target_link_libraries(${name} PUBLIC wbs_torch)
  if(name STREQUAL "wbs_trainers_interface")
    target_precompile_headers(${name} PRIVATE <torch/torch.h> <nlohmann/json.hpp>)
  else()
    target_precompile_headers(${name} REUSE_FROM wbs_trainers_interface)
  endif()
endfunction()
