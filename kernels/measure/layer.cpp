#include "kernels/measure/layer.hpp"

#include <algorithm>

#include "kernels/measure/check.hpp"
#include "kernels/measure/own.hpp"
#include "kernels/peak.hpp"
#include "kernels/peers/peers.hpp"

namespace wbs::kernels::measure {
namespace {

using Contestants = std::vector<std::unique_ptr<peers::Contestant>>;

/// More copies than this would only cost preparation: eight of a layer of a million weights fill an
/// L3 cache of 32 MiB.
constexpr std::int64_t kMostCopies = 8;

/// How often `part` fits into `whole`, between `least` and kMostCopies.
int times(std::int64_t part, std::int64_t whole, std::int64_t least) {
  const std::int64_t count = (whole + part - 1) / std::max<std::int64_t>(1, part);
  return static_cast<int>(std::clamp<std::int64_t>(count, least, kMostCopies));
}

peers::Setup setup_for(const LayerProblem& problem, const LayerOptions& options) {
  const ConvShape& s = problem.problem.layer.shape;
  const auto weights = static_cast<std::int64_t>(problem.weights.values.size());
  const std::int64_t activations = s.images * (s.in_channels * s.height * s.width +
                                               s.out_channels * s.out_height() * s.out_width());
  const std::int64_t bytes = activations * 4 / channels_per_word(problem.problem.layer.element);
  return {options.threads, times(weights, options.network_weights, 1),
          times(bytes, 2 * cache_sizes().l2, 2)};
}

/// Everybody's first result, checked; a peer that fails leaves.
class Checker {
 public:
  Checker(const LayerProblem& problem, LayerResult& result) : reference_(problem.problem) {
    result.points_checked = reference_.points();
  }

  /// The error of `contestant`, or why it must not be timed.
  Result<double> check(peers::Contestant& contestant) {
    const peers::ContestantInfo who = contestant.info();
    double worst = 0.0;
    for (const int round : {0, 1}) {
      contestant.reset(round);
      contestant.run(round);
      Tensor output = contestant.output(round);
      Result<double> error = reference_.check(who, output);
      if (!error) return error;
      worst = std::max(worst, *error);
      if (accepted_.values.empty()) {
        accepted_ = std::move(output);
      } else if (const Result<void> same = reference_.compare(who, output, accepted_); !same) {
        return refusal(same.error());
      }
    }
    return worst;
  }

 private:
  Reference reference_;
  Tensor accepted_;  // of the first contestant
};

}  // namespace

const Entry* LayerResult::fastest(const std::vector<Entry>& entries) noexcept {
  const auto found = std::min_element(
      entries.begin(), entries.end(),
      [](const Entry& a, const Entry& b) { return a.time.median_ms < b.time.median_ms; });
  return found == entries.end() ? nullptr : &*found;
}

const Entry* LayerResult::leanest(const std::vector<Entry>& entries, double slack) noexcept {
  const Entry* best = fastest(entries);
  if (best == nullptr) return nullptr;
  const double most_ms = slack * best->time.median_ms;
  for (const Entry& entry : entries) {
    const bool smaller = entry.who.weight_bytes < best->who.weight_bytes;
    if (smaller && entry.time.median_ms <= most_ms) best = &entry;
  }
  return best;
}

LayerResult measure_layer(const LayerProblem& problem, const LayerOptions& options) {
  LayerResult result;
  result.density = problem.density;
  const peers::Setup setup = setup_for(problem, options);
  result.weight_copies = setup.weight_copies;
  result.activation_copies = setup.activation_copies;
  Checker checker(problem, result);
  Contestants contestants;
  const auto enter = [&](std::vector<Entry>& entries, const std::string& name,
                         Result<std::unique_ptr<peers::Contestant>> made, bool ours) {
    if (!made) {
      result.refusals.push_back({name, made.error()});
      return;
    }
    const Result<double> error = checker.check(**made);
    if (!error && ours) throw Error(ErrorKind::internal, error.error());
    if (!error) {
      result.refusals.push_back({name, error.error()});
      return;
    }
    entries.push_back({(*made)->info(), {}, *error, {}, {}});
    contestants.push_back(std::move(*made));
  };
  for (const std::string& algorithm : options.algorithms) {
    enter(result.ours, algorithm, make_own(problem.problem, setup, {algorithm, options.force_impl}),
          true);
  }
  if (result.ours.empty()) {
    throw Error(ErrorKind::unsupported,
                "layer " + problem.problem.layer.name + ": " + result.refusals.front().reason);
  }
  for (const std::string& peer : options.peers) {
    enter(result.peers, peer, peers::make_peer(peer, problem.problem, setup), false);
  }
  std::vector<std::function<void(int)>> order;
  for (const auto& contestant : contestants) {
    order.emplace_back([who = contestant.get()](int round) { who->run(round); });
  }
  Samples samples = interleave(order, 3, options.budget);
  result.disturbed = samples.disturbed;
  for (std::size_t i = 0; i < order.size(); ++i) {
    Entry& entry = i < result.ours.size() ? result.ours[i] : result.peers[i - result.ours.size()];
    entry.time = summarise(samples.milliseconds[i]);
    entry.milliseconds = std::move(samples.milliseconds[i]);
    entry.runs = std::move(samples.runs[i]);
  }
  return result;
}

}  // namespace wbs::kernels::measure
