// Which patterns the weight tensors of a file satisfy.
#pragma once

#include <string>

namespace wbs::apps {

/// Prints, for each weight tensor of `path` (.onnx, .onnx.gz or a pruned .h5 file), its sparsity
/// and the tightest patterns it satisfies; with `candidate` also whether it satisfies that one and
/// where not. Returns 1 when some tensor does not satisfy `candidate`, else 0.
int show_stored_patterns(const std::string& path, const std::string& candidate, bool as_json);

}  // namespace wbs::apps
