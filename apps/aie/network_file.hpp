// The integer network inside a program's file: what a functional run is compared with.
//
// Group "/network": attributes name, output (index of the operation that gives the result) and one
// row of integers per operation in "operations"; "names", name and result of each, zero-terminated;
// "inputs", pairs (operation, earlier operation) in order; "weights" (int8, two's complement),
// "bias" (int64) and "shift" (uint8) of all operations one after the other. The columns of
// "operations" are in its attribute `columns`.
#pragma once

#include <string>

#include "harness/hdf5_file.hpp"
#include "networks/int8_network.hpp"

namespace wbs::apps {

/// Adds the network to the file. Throws Error(io).
void write_int8_network(harness::Hdf5File& file, const networks::Int8Network& network);

/// The network that write_int8_network() left. `path` is for messages. Throws Error(input) when the
/// group is damaged or was changed (its attribute `digest` covers all numbers).
[[nodiscard]] networks::Int8Network read_int8_network(const harness::Hdf5File& file,
                                                      const std::string& path);

}  // namespace wbs::apps
