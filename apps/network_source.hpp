// Networks and weights as a user names them: a zoo name or an ONNX file; a file or a seed.
#pragma once

#include <cstdint>
#include <string>

#include "networks/graph.hpp"

namespace wbs::apps {

/// The graph of `network` (a zoo name, the path of an .onnx or .onnx.gz file, or that of a text
/// form of networks/text_form.hpp, which ends in .txt), shapes inferred. `input` is "CxHxW", or ""
/// for the network's own. Graphs are kept for the life of the process: a sweep asks for the same
/// few again and again. Not for several threads at once. Throws Error.
[[nodiscard]] const networks::Graph& load_graph(const std::string& network,
                                                const std::string& input);

/// Where the weights of a network come from, as an experiment names it.
struct WeightsChoice {
  std::string network;    ///< zoo name or .onnx file
  std::string weights;    ///< see weights_file()
  std::int64_t seed = 1;  ///< of seeded weights
};

/// The file that `choice` means, or "" for seeded weights. `weights` lists alternatives separated
/// by
/// '|', the first that exists counts: "seeded", a path, or a path below WBS_DATA_DIR. An empty one
/// means the network's own file, or seeded weights for a network of the zoo. Throws Error(input)
/// when there is none.
[[nodiscard]] std::string weights_file(const WeightsChoice& choice);

struct LoadedWeights {
  networks::Weights values;
  std::string source;  ///< "seeded (seed 1), not trained", or the file's name
};

/// Values for every tensor of `graph`: from the file that weights_file(choice) names, matched by
/// node name or, where the file's names differ, by the order of its nodes with weights; otherwise
/// He-normal from the seed. The last result is kept for the next call with the same
/// arguments. Not for several threads at once. Throws Error(input) naming the first tensor that
/// does not fit.
[[nodiscard]] const LoadedWeights& load_weights(const networks::Graph& graph,
                                                const WeightsChoice& choice);

/// True when the sparsity pattern applies to this node: an ungrouped convolution that is not the
/// first, or a linear layer when `linear_too`.
[[nodiscard]] bool is_pruned(const networks::Graph& graph, const networks::Node& node,
                             bool linear_too);

}  // namespace wbs::apps
