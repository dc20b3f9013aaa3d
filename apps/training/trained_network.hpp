// What training leaves: all tensors of a network and the masks of its sparse layers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "apps/training/train_process.hpp"
#include "harness/stage.hpp"
#include "networks/graph.hpp"

namespace wbs::apps {

/// One run of wbs-train on behalf of a stage or a command.
struct TrainJob {
  nlohmann::json request;   ///< train_parameters.hpp
  networks::Weights start;  ///< to start from; empty: seeded
  bool teach = false;       ///< `start` is also the teacher
  int ranks = 1;
  std::string scratch;            ///< prefix of the files that pass between the programs
  std::string checkpoint_folder;  ///< made when needed; empty: none
  TrainEvents on_event;
};

struct TrainedNetwork {
  nlohmann::json result;      ///< wbs-train's
  networks::Weights weights;  ///< of all nodes
};

/// Trains. An interrupted run leaves a checkpoint in the folder, named by the digest of the request
/// and the start, which the next one continues. Throws Error as run_train_process() does; a run
/// that diverged or was stopped is a result.
[[nodiscard]] TrainedNetwork run_train_job(const TrainJob& job);

/// Stores the network as the prune stage does (pruned_file.hpp), unpruned tensors too.
void write_trained_file(const std::string& path, const TrainedNetwork& network);

}  // namespace wbs::apps
