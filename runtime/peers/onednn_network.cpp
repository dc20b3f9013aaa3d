// Placing the plan's memory, and running it.
#include <algorithm>
#include <chrono>
#include <limits>

#include "kernels/peers/library_threads.hpp"
#include "networks/fold.hpp"
#include "networks/shape_inference.hpp"
#include "runtime/lowering.hpp"
#include "runtime/memory_plan.hpp"
#include "runtime/peers/dense_network.hpp"
#include "runtime/peers/onednn_plan.hpp"

namespace wbs::runtime::peers {
namespace {

/// From the first to the last operation that touches each storage.
std::vector<Lifetime> lifetimes_of(const OnednnPlan& plan) {
  constexpr auto kNever = std::numeric_limits<std::size_t>::max();
  std::vector<Lifetime> lifetimes;
  for (const Storage& storage : plan.storages) lifetimes.push_back({storage.bytes, kNever, 0});
  for (std::size_t step = 0; step < plan.operations.size(); ++step) {
    for (const auto& [argument, memory] : plan.operations[step].arguments) {
      Lifetime& lifetime = lifetimes[plan.memories[memory].storage];
      lifetime.first = std::min(lifetime.first, step);
      lifetime.last = std::max(lifetime.last, step);
    }
  }
  return lifetimes;
}

class OnednnNetwork final : public DenseNetwork {
 public:
  OnednnNetwork(const Program& program, OnednnPlan plan, int threads)
      : threads_(threads),
        input_shape_(program.values[program.input].shape),
        output_shape_(program.values[program.output].shape),
        plan_(std::move(plan)),
        stream_(plan_.engine) {
    place();
    for (const Operation& operation : plan_.operations) {
      steps_.push_back(operation.step);
      std::vector<dnnl_exec_arg_t>& list = arguments_.emplace_back();
      for (const auto& [argument, memory] : operation.arguments) {
        list.push_back({argument, memories_[memory].get()});
      }
    }
  }

  void run(const float* input, float* output) noexcept override {
    bind(input, output);
    for (std::size_t i = 0; i < arguments_.size(); ++i) execute(i);
  }

  void run_timed(const float* input, float* output, std::vector<double>& step_ms) override {
    using Clock = std::chrono::steady_clock;
    bind(input, output);
    step_ms.assign(arguments_.size(), 0.0);
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      const Clock::time_point start = Clock::now();
      execute(i);
      step_ms[i] = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    }
  }

  [[nodiscard]] const Shape& input_shape() const noexcept override { return input_shape_; }
  [[nodiscard]] const Shape& output_shape() const noexcept override { return output_shape_; }
  [[nodiscard]] const DenseMemory& memory() const noexcept override { return use_; }
  [[nodiscard]] const std::vector<DenseStep>& steps() const noexcept override { return steps_; }

 private:
  void place() {
    const std::vector<Lifetime> all = lifetimes_of(plan_);
    std::vector<Lifetime> lifetimes;
    std::vector<std::size_t> places(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool used = all[i].first <= all[i].last;
      if (plan_.storages[i].kind == Storage::Kind::constant) {
        use_.weight_bytes += plan_.storages[i].bytes;
      } else if (plan_.storages[i].kind == Storage::Kind::arena && used) {
        places[i] = lifetimes.size();
        lifetimes.push_back(all[i]);
      }
    }
    const Packing packing = pack_lifetimes(lifetimes);
    use_.arena_bytes = packing.bytes;
    arena_ = kernels::Buffer(static_cast<std::size_t>(packing.bytes));
    for (const MemoryEntry& entry : plan_.memories) {
      const Storage& storage = plan_.storages[entry.storage];
      void* at = nullptr;
      if (storage.kind == Storage::Kind::constant) {
        at = plan_.constants[entry.storage]->bytes.data();
      } else if (storage.kind == Storage::Kind::arena &&
                 all[entry.storage].first <= all[entry.storage].last) {
        at = arena_.data() + packing.offsets[places[entry.storage]];
      }
      memories_.emplace_back(entry.descriptor, plan_.engine, at);
      if (storage.kind == Storage::Kind::input) inputs_.push_back(memories_.size() - 1);
      if (storage.kind == Storage::Kind::output) outputs_.push_back(memories_.size() - 1);
    }
  }

  void bind(const float* input, float* output) noexcept {
    kernels::peers::use_library_threads(threads_);
    // The library takes no pointer to const, and does not write here.
    for (const MemoryId id : inputs_) {
      dnnl_memory_set_data_handle(memories_[id].get(), const_cast<float*>(input));
    }
    for (const MemoryId id : outputs_) dnnl_memory_set_data_handle(memories_[id].get(), output);
  }

  void execute(std::size_t step) noexcept {
    const std::vector<dnnl_exec_arg_t>& arguments = arguments_[step];
    dnnl_primitive_execute(plan_.operations[step].primitive.get(), stream_.get(),
                           static_cast<int>(arguments.size()), arguments.data());
  }

  int threads_;
  Shape input_shape_, output_shape_;
  OnednnPlan plan_;
  dnnl::stream stream_;
  kernels::Buffer arena_;
  DenseMemory use_;
  std::vector<dnnl::memory> memories_;
  std::vector<MemoryId> inputs_, outputs_;
  std::vector<std::vector<dnnl_exec_arg_t>> arguments_;
  std::vector<DenseStep> steps_;
};

}  // namespace

Result<std::unique_ptr<DenseNetwork>> make_dense_network(const networks::Graph& graph,
                                                         const networks::Weights& weights,
                                                         const DenseOptions& options) {
  networks::Graph prepared = networks::remove_identities(graph);
  Shape input = prepared.nodes[0].attributes.shape;
  if (options.batch > 0 && !input.empty()) input[0] = options.batch;
  networks::infer_shapes(prepared, input);
  networks::Weights folded = weights;
  networks::fold_batch_norms(prepared, folded);
  const Program program = lower(prepared, {options.element, options.quantisation});
  kernels::peers::use_library_threads(options.threads);
  try {
    return std::make_unique<OnednnNetwork>(program, plan_onednn(program, folded, options),
                                           options.threads);
  } catch (const NotPrepared& no) {
    return refusal(no.reason);
  } catch (const dnnl::error& error) {
    return refusal(std::string("oneDNN: ") + error.what());
  }
}

}  // namespace wbs::runtime::peers
