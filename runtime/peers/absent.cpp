// What stands for oneDNN where configuration did not find it.
#include "runtime/peers/dense_network.hpp"

namespace wbs::runtime::peers {

Result<std::unique_ptr<DenseNetwork>> make_dense_network(const networks::Graph& /*graph*/,
                                                         const networks::Weights& /*weights*/,
                                                         const DenseOptions& /*options*/) {
  return refusal("this build has no oneDNN; install libdnnl-dev and configure again");
}

}  // namespace wbs::runtime::peers
