// Vector clocks: what each actor of a step knows of the others' progress.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace wbs::aie {

/// One clock for each actor and each lock of a step. An actor's own entry counts the points at
/// which others could learn of it; an access is ordered before an actor's next one exactly when its
/// count is not above the actor's entry for it. Everything before the step counts as ordered.
class Clocks {
 public:
  void reset(std::size_t actors, std::size_t locks) {
    actors_ = actors;
    values_.assign(actors * actors, 0);
    for (std::size_t actor = 0; actor < actors; ++actor) values_[actor * actors + actor] = 1;
    lock_values_.assign(actors * locks, 0);
  }

  [[nodiscard]] const std::uint32_t* of(std::uint32_t actor) const {
    return values_.data() + actor * actors_;
  }

  /// From here on, what `actor` does is not known by those who learned of it before.
  void tick(std::uint32_t actor) { ++values_[actor * actors_ + actor]; }

  /// `to` knows all that `from` knows.
  void learn(std::uint32_t to, std::uint32_t from) {
    join(values_.data() + to * actors_, of(from));
  }

  /// The holder of a released lock will know all that `actor` knows.
  void release(std::uint32_t actor, std::uint32_t lock) { release(of(actor), lock); }
  void release(const std::uint32_t* clock, std::uint32_t lock) {
    join(lock_values_.data() + lock * actors_, clock);
  }
  void acquire(std::uint32_t actor, std::uint32_t lock) {
    join(values_.data() + actor * actors_, lock_values_.data() + lock * actors_);
  }

  void copy(std::uint32_t actor, std::vector<std::uint32_t>& to) const {
    to.assign(of(actor), of(actor) + actors_);
  }

 private:
  void join(std::uint32_t* to, const std::uint32_t* from) const {
    for (std::size_t i = 0; i < actors_; ++i) to[i] = std::max(to[i], from[i]);
  }

  std::size_t actors_ = 0;
  std::vector<std::uint32_t> values_, lock_values_;
};

}  // namespace wbs::aie
