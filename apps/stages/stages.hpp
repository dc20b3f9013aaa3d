// Constructors of the stages, one file each.
#pragma once

#include <memory>

#include "harness/stage.hpp"

namespace wbs::apps {

/// prune: network + weights + pattern -> masked tensors and masks (HDF5).
[[nodiscard]] std::unique_ptr<harness::Stage> make_prune_stage();

/// pretrain: network + data + recipe -> the trained dense network (HDF5).
[[nodiscard]] std::unique_ptr<harness::Stage> make_pretrain_stage();

/// train: network + data + recipe + method + pattern -> trained sparse network (HDF5), accuracy.
[[nodiscard]] std::unique_ptr<harness::Stage> make_train_stage();

/// quantize: network + weights + calibration images -> int8 weights and scales (HDF5).
[[nodiscard]] std::unique_ptr<harness::Stage> make_quantize_stage();

/// infer: network + weights + images -> predictions (CSV) and accuracy.
[[nodiscard]] std::unique_ptr<harness::Stage> make_infer_stage();

/// compile: network + densities + array -> tiled network (JSON).
[[nodiscard]] std::unique_ptr<harness::Stage> make_compile_stage();

/// simulate: tiled network -> estimated times under the published and the corrected rules.
[[nodiscard]] std::unique_ptr<harness::Stage> make_simulate_stage();

/// bench: network + masked weights -> measured times of layers and network beside dense peers.
[[nodiscard]] std::unique_ptr<harness::Stage> make_bench_stage();

}  // namespace wbs::apps
