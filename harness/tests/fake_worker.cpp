// The child program of the engine's tests.
#include "harness/tests/fake_stages.hpp"
#include "harness/worker_main.hpp"

int main() {
  wbs::harness::StageRegistry registry;
  wbs::harness::add_fake_stages(registry);
  return wbs::harness::worker_main(registry);
}
