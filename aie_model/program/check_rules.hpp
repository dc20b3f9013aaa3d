// What the rules of the checker share: the step or tile they look at, and where they report.
// Private to the checker.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aie_model/program/checker.hpp"
#include "aie_model/program/grid.hpp"

namespace wbs::aie::rules {

/// Collects violations; the driver keeps `step` and `rule` up to date.
class Report {
 public:
  void at(std::uint32_t step, std::string_view rule) {
    step_ = step;
    rule_ = rule;
  }
  void add(TileId tile, std::string message) {
    found_.push_back({step_, tile, std::string(rule_), std::move(message)});
  }
  [[nodiscard]] std::size_t count() const { return found_.size(); }
  [[nodiscard]] std::vector<Violation> take() { return std::move(found_); }

 private:
  std::uint32_t step_ = 0;
  std::string_view rule_;
  std::vector<Violation> found_;
};

/// Where the words of one MM2S channel go: those of its packets with one id, or those that are no
/// packets.
struct Way {
  std::uint32_t tile = 0;     ///< position in StepFacts::tiles of the sender
  std::uint32_t channel = 0;  ///< position in its TileProgram::channels
  std::int16_t packet = -1;
  struct End {
    std::uint32_t tile = 0, channel = 0;  ///< the S2MM channel, likewise
  };
  std::vector<End> ends;  ///< channels with tasks
};

/// A tile that exists, with what several rules need to know of it.
struct TileFacts {
  const TileProgram* program = nullptr;
  const TileLimits* limits = nullptr;
  static constexpr std::int32_t kNobody = -1;
  /// By descriptor: the position of the first channel that runs it, or kNobody.
  std::vector<std::int32_t> user;
  struct Shared {
    std::int16_t descriptor = -1;
    std::uint32_t first = 0, second = 0;  ///< positions of channels
  };
  std::vector<Shared> shared;  ///< descriptors that a second channel runs
};

/// A step, with what several rules need to know of it.
struct StepFacts {
  const Program* program = nullptr;
  const Device* device = nullptr;
  Grid grid;
  const Step* step = nullptr;
  std::uint32_t index = 0;
  std::vector<TileFacts> tiles;                      ///< those that exist, each once
  std::vector<const SwitchConnection*> connections;  ///< on tiles that exist, sorted by slave
  std::vector<Way> ways;
  struct Loop {
    TileId tile;
    Port slave;
  };
  std::vector<Loop> loops;  ///< where a stream comes to a port for the second time
};

[[nodiscard]] const TileLimits& limits_of(const Device& device, TileKind kind);

/// Whether the descriptor exists and is no gap.
[[nodiscard]] bool usable(const TileProgram& program, std::int32_t descriptor);

/// "memtile(1) MM2S 2"
[[nodiscard]] std::string name_of(TileId tile, const Channel& channel);
/// "memtile(1) descriptor 7"
[[nodiscard]] std::string name_of(TileId tile, std::size_t descriptor);

/// The channels' descriptors and the ways of the streams.
[[nodiscard]] StepFacts facts_of(const Program& program, const Device& device, std::uint32_t index);

using StepRule = void (*)(const StepFacts&, Report&);
using TileRule = void (*)(const StepFacts&, const TileFacts&, Report&);
/// One of the two functions is there.
struct Rule {
  std::string_view name;
  StepRule step = nullptr;
  TileRule tile = nullptr;
};

[[nodiscard]] std::span<const Rule> channel_rules();
[[nodiscard]] std::span<const Rule> descriptor_rules();
[[nodiscard]] std::span<const Rule> stream_rules();
[[nodiscard]] std::span<const Rule> core_rules();
/// For steps in which nothing else is wrong.
[[nodiscard]] std::span<const Rule> balance_rules();

}  // namespace wbs::aie::rules
