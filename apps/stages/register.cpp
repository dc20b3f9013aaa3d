#include "apps/stages/register.hpp"

#include "apps/stages/stages.hpp"

namespace wbs::apps {

void register_stages(harness::StageRegistry& registry) {
  registry.add(make_pretrain_stage());
  registry.add(make_train_stage());
  registry.add(make_prune_stage());
  registry.add(make_quantize_stage());
  registry.add(make_infer_stage());
  registry.add(make_compile_stage());
  registry.add(make_simulate_stage());
  registry.add(make_bench_stage());
}

}  // namespace wbs::apps
