#include "harness/sweep.hpp"

#include <poll.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.hpp"
#include "harness/campaign.hpp"
#include "harness/coordinator.hpp"
#include "harness/frames.hpp"
#include "harness/rank_worker.hpp"
#include "harness/signals.hpp"

namespace wbs::harness {
namespace {

using nlohmann::json;

/// Sleeps between looks at the transport, longer and longer while nothing happens: a blocking MPI
/// receive would burn a core that a child could use.
class Waiter {
 public:
  explicit Waiter(bool alone) : longest_ns_(alone ? kAloneNs : kSharedNs) {}

  void active() noexcept { pause_ns_ = kFirstNs; }

  /// Returns when a descriptor that `worker` watches is ready, a signal came or the pause is over.
  void wait(const RankWorker& worker) {
    descriptors_.clear();
    worker.watch(descriptors_);
    const timespec pause{0, pause_ns_};
    const int ready = ::ppoll(descriptors_.data(), descriptors_.size(), &pause, nullptr);
    pause_ns_ = ready > 0 ? kFirstNs : std::min(longest_ns_, 2 * pause_ns_);
  }

 private:
  static constexpr long kFirstNs = 50'000;
  static constexpr long kSharedNs = 2'000'000;
  static constexpr long kAloneNs = 50'000'000;

  long longest_ns_;
  long pause_ns_ = kFirstNs;
  std::vector<pollfd> descriptors_;
};

bool for_worker(const json& message) {
  const std::string kind = message.at("m").get<std::string>();
  return kind == "work" || kind == "stop";
}

/// Rank 0's loop: until every rank has said bye.
void coordinate(Coordinator& coordinator, RankWorker& worker, Transport& transport) {
  Waiter waiter(transport.size() == 1);
  const auto attempt = [&](const auto& action) {
    try {
      action();
    } catch (...) {
      coordinator.fail(std::current_exception());
    }
  };
  attempt([&] { coordinator.begin(); });
  while (!coordinator.finished()) {
    bool busy = false;
    worker.step();
    while (const auto message = transport.receive()) {
      busy = true;
      const json parsed = unpack_message(message->bytes);
      if (for_worker(parsed)) {
        worker.handle(parsed);
      } else {
        attempt([&] { coordinator.handle(message->from, parsed); });
      }
    }
    attempt([&] { coordinator.step(); });
    // What a message brought about may be a message to this rank itself: look again before
    // sleeping.
    if (busy) {
      waiter.active();
    } else if (!coordinator.finished()) {
      waiter.wait(worker);
    }
  }
}

/// Another rank's life: takes part in sweeps until rank 0 releases it.
void serve(Transport& transport) {
  const SignalWatch signals;
  int reported = 0;
  RankWorker worker(transport);
  Waiter waiter(false);
  for (;;) {
    worker.step();
    if (worker.active() && SignalWatch::count() > reported) {
      reported = SignalWatch::count();
      transport.send(0, pack_message({{"m", "signal"},
                                      {"name", SignalWatch::name(SignalWatch::first())},
                                      {"count", reported}}));
    }
    while (const auto message = transport.receive()) {
      waiter.active();
      const json parsed = unpack_message(message->bytes);
      const std::string kind = parsed.at("m").get<std::string>();
      if (kind == "exit") return;
      if (kind == "start") {
        worker.start({parsed.at("directory").get<std::string>(), parsed.at("run").get<int>(),
                      parsed.at("command").get<std::vector<std::string>>(),
                      parsed.at("timeout").get<double>()},
                     nullptr);
      } else {
        worker.handle(parsed);
      }
    }
    waiter.wait(worker);
  }
}

void release(Transport& transport) {
  const std::string bytes = pack_message({{"m", "exit"}});
  for (int rank = 1; rank < transport.size(); ++rank) transport.send(rank, bytes);
  transport.flush();
}

}  // namespace

SweepSummary run_sweep(const Plan& plan, const StageRegistry& registry, const SweepOptions& options,
                       Transport& transport) {
  WBS_ASSERT(transport.rank() == 0);
  const SignalWatch signals;
  Campaign campaign(plan, options, transport.size());
  RankWorker worker(transport);
  Coordinator coordinator(plan, registry, options, campaign, transport, worker);
  coordinate(coordinator, worker, transport);
  return coordinator.conclude();
}

int with_ranks(Transport& transport, const std::function<int()>& body) {
  if (transport.rank() != 0) {
    serve(transport);
    return 0;
  }
  try {
    const int code = body();
    release(transport);
    return code;
  } catch (...) {
    release(transport);
    throw;
  }
}

}  // namespace wbs::harness
