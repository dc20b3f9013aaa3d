// The network as a list of primitives on memories, before memory is placed. Includes oneDNN: only
// for this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <utility>
#include <vector>

#include "kernels/peers/onednn_memory.hpp"
#include "networks/graph.hpp"
#include "runtime/peers/dense_network.hpp"
#include "runtime/program.hpp"

namespace wbs::runtime::peers {

using MemoryId = std::size_t;

/// Bytes that primitives read or write: of the arena, of the caller, or constant.
struct Storage {
  enum class Kind { arena, input, output, constant };
  Kind kind = Kind::arena;
  std::int64_t bytes = 0;
};

/// A tensor in some format, in some storage; several may share one.
struct MemoryEntry {
  dnnl::memory::desc descriptor;
  std::size_t storage = 0;
};

struct Operation {
  dnnl::primitive primitive;
  std::vector<std::pair<int, MemoryId>> arguments;  ///< DNNL_ARG_..., memory
  DenseStep step;
};

struct OnednnPlan {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  std::vector<Storage> storages;
  std::vector<MemoryEntry> memories;
  /// Of constant storages, by storage number; null for others.
  std::vector<std::unique_ptr<kernels::peers::OnednnBlock>> constants;
  std::vector<Operation> operations;
};

/// What the peer cannot do: becomes the refusal.
struct NotPrepared {
  std::string reason;
};

/// The plan for `program` with these weights (batch norms folded). Throws NotPrepared, Error(input)
/// and dnnl::error.
[[nodiscard]] OnednnPlan plan_onednn(const Program& program, const networks::Weights& weights,
                                     const DenseOptions& options);

}  // namespace wbs::runtime::peers
