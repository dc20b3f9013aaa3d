// What an experiment file asks for, expanded: cases, and the tasks (stage executions) they share.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "harness/stage.hpp"

namespace wbs::harness {

/// One execution of a stage. Cases with equal keys share it: five arrays need one pruning.
struct Task {
  std::string key;  ///< digest of stage, version, parameters, input keys, data digests, tool chain
  std::string stage;
  Values parameters;  ///< defaults filled in; exactly those that the stage declares
  std::map<std::string, std::string> data_digests;  ///< file parameter -> digest of the file
  std::vector<std::size_t> inputs;  ///< tasks whose artifacts it reads, earlier in Plan::tasks
};

/// One point of the experiment's parameter space.
struct Case {
  std::string name;                ///< "network=resnet50 pattern=block:8x8@0.5 array=4x4"
  Values parameters;               ///< all of the case's parameters, labels included
  std::vector<std::size_t> tasks;  ///< into Plan::tasks, in stage order
};

/// Tasks come before those that read them, in the order of the experiment file.
struct Plan {
  std::string experiment;  ///< its name: the file's stem unless the file says otherwise
  std::string identity;    ///< digest of the resolved experiment, code, data and tool chain
  std::map<std::string, std::string> identity_parts;  ///< what went into it, for naming differences
  std::vector<Task> tasks;
  std::vector<Case> cases;
};

}  // namespace wbs::harness
