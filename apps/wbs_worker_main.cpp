// wbs-worker: runs stages for a rank of wbs-sweep, without MPI. Started by it, not by people.
#include "apps/stages/register.hpp"
#include "harness/worker_main.hpp"

int main() {
  wbs::harness::StageRegistry registry;
  wbs::apps::register_stages(registry);
  return wbs::harness::worker_main(registry);
}
