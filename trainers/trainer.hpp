// The training loop: reproducible, interruptible, and honest about what it trained.
#pragma once

#include <torch/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "networks/graph.hpp"
#include "trainers/accounting.hpp"
#include "trainers/batches.hpp"
#include "trainers/checkpoint.hpp"
#include "trainers/evaluation.hpp"
#include "trainers/graph_module.hpp"
#include "trainers/method.hpp"
#include "trainers/optimiser.hpp"
#include "trainers/ranks.hpp"
#include "trainers/recipe.hpp"

namespace wbs::trainers {

/// One run. Referenced objects outlive the trainer.
struct TrainingSetup {
  networks::Graph graph;
  networks::Weights weights;                 ///< to start from
  std::optional<networks::Weights> teacher;  ///< of the same graph; needed by recipe.distill_weight
  SparseChoice choice;
  Recipe recipe;
  std::uint64_t seed = 1;
  torch::Device device = torch::kCPU;
  /// The backend of a sparsified layer's products; empty: LibTorch's dense ones.
  std::function<std::shared_ptr<const ProductBackend>(const SparseLayer&, const ProductShape&)>
      backend;
  std::string method_name;  ///< for the checkpoint's identity, with the options
  nlohmann::json method_options;
  /// False: the method leaves the stored weights dense (its pattern is that of a product in BP), so
  /// they need not satisfy the pattern.
  bool prunes_weights = true;
  Method* method = nullptr;
  BatchSource* train = nullptr;
  BatchSource* test = nullptr;
  Ranks* ranks = nullptr;
  std::string checkpoint;                   ///< file; empty: none is written or read
  std::int64_t checkpoint_epochs = 1;       ///< epochs between checkpoints
  std::int64_t evaluate_epochs = 1;         ///< epochs between evaluations
  const std::atomic<bool>* stop = nullptr;  ///< when true, the run stops after the current step
  /// Is told what happens, as JSON objects with a member "event": resumed, epoch, checkpoint,
  /// message. On rank 0 only.
  std::function<void(const nlohmann::json&)> on_event;
};

enum class TrainingOutcome {
  passed,    ///< ran to the end
  diverged,  ///< a loss, gradient or weight was not finite, or the loss passed its limit
  aborted,   ///< stopped; the checkpoint, if there is one, continues it
};

struct TrainingResult {
  TrainingOutcome outcome = TrainingOutcome::passed;
  std::string reason;  ///< of another outcome than passed, one sentence
  /// Of the stored network; nothing when the run diverged or was aborted.
  std::optional<Evaluation> evaluation;
  networks::Weights weights;  ///< under the final masks; when diverged, the last finite ones
  ProductMacs macs;           ///< per iteration
  double step_ms = 0.0;       ///< median over this process's steps, loading excluded
  double wait_ms = 0.0;       ///< mean time per step that the loop waited for its batch
  double loss = 0.0;          ///< mean of the last epoch
  std::int64_t epochs = 0;    ///< finished
  std::int64_t steps = 0;
  double seconds = 0.0;  ///< of this process
};

/// Trains. All randomness comes from the seed, so the same setup gives the same bits on one machine
/// with one thread (at::set_num_threads(1) is the caller's to call), and a run that continues from
/// its checkpoint ends as the uninterrupted one. With several ranks every rank makes a trainer over
/// its own batch sources; gradients are summed in the order of the ranks.
class Trainer {
 public:
  /// Loads weights, starts the method and continues from the checkpoint if there is one. Throws
  /// Error.
  explicit Trainer(TrainingSetup setup);

  /// Runs to the end, a stop or divergence. Throws Error(io) when a checkpoint cannot be written.
  [[nodiscard]] TrainingResult run();

 private:
  /// What an epoch has summed up so far; part of the checkpoint.
  struct Sums {
    double loss = 0.0;   // mean loss of each step
    double right = 0.0;  // images
    double images = 0.0;
    double mask_changes = 0.0;
    double seconds = 0.0;
  };
  enum class Step { done, stop, diverged };

  [[nodiscard]] nlohmann::json identity() const;
  void start_method(bool resuming);
  void resume(const Checkpoint& checkpoint);
  void save();
  [[nodiscard]] bool run_epoch(TrainingResult& result);
  [[nodiscard]] Step train_step(const ImageBatch& batch);
  [[nodiscard]] ForwardPass training_pass(const ImageBatch& batch) const;
  [[nodiscard]] torch::Tensor loss_of_batch(const ImageBatch& batch, torch::Tensor& logits);
  [[nodiscard]] bool sum_gradients(std::array<torch::Tensor, 2>& measured);
  void clip(double norm);
  void update_average();
  void end_epoch();
  [[nodiscard]] Evaluation evaluate();
  [[nodiscard]] bool all_finite() const;
  void diverged(TrainingResult& result);
  void tell(const nlohmann::json& event) const;

  TrainingSetup setup_;
  GraphModule module_;
  std::vector<SparseLayer> layers_;
  std::vector<NamedTensor> trained_;  // the module's parameters, then the method's
  Optimiser optimiser_;
  StoredNetwork stored_;
  std::optional<GraphModule> teacher_;
  std::map<std::string, torch::Tensor> average_;
  std::map<std::string, torch::Tensor> last_finite_;  // at the start of the epoch
  Accounting accounting_;
  std::string weights_digest_, teacher_digest_;

  std::int64_t steps_per_epoch_ = 0;
  std::int64_t epoch_ = 0;
  std::int64_t batch_ = 0;  // of the epoch, the next one
  std::int64_t step_ = 0;
  Sums sums_;
  double last_loss_ = 0.0;
  std::string divergence_;
  std::vector<double> step_seconds_;
  double waited_seconds_ = 0.0;
};

[[nodiscard]] std::string_view to_string(TrainingOutcome outcome) noexcept;

}  // namespace wbs::trainers
