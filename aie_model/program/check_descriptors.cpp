// What a buffer descriptor can say, and which bytes it touches.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "aie_model/program/check_rules.hpp"
#include "aie_model/program/compression.hpp"

namespace wbs::aie::rules {
namespace {

constexpr std::uint8_t kNeighbourChannels = 4;  // of a Memtile and direction (AM020 chapter 5)

/// Calls visit(descriptor, id) for every descriptor that is no gap.
template <typename Visit>
void for_each(const TileFacts& tile, const Visit& visit) {
  const auto& descriptors = tile.program->descriptors;
  for (std::size_t d = 0; d < descriptors.size(); ++d) {
    if (descriptors[d].words > 0) visit(descriptors[d], d);
  }
}

/// The channel that runs the descriptor; none when nobody does.
const Channel* user_of(const TileFacts& tile, std::size_t descriptor) {
  const std::int32_t user = tile.user[descriptor];
  if (user == TileFacts::kNobody) return nullptr;
  return &tile.program->channels[static_cast<std::size_t>(user)];
}

void descriptor_count(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileProgram& program = *tile.program;
  if (static_cast<std::int64_t>(program.descriptors.size()) <= tile.limits->descriptors) return;
  report.add(program.tile,
             fmt::format("{} has descriptors up to {}, it has room for {}", to_string(program.tile),
                         program.descriptors.size() - 1, tile.limits->descriptors));
}

void descriptor_half(const StepFacts&, const TileFacts& tile, Report& report) {
  if (!tile.limits->split_descriptors) return;
  const TileId id = tile.program->tile;
  const auto half = static_cast<std::size_t>(tile.limits->descriptors / 2);
  for_each(tile, [&](const Descriptor&, std::size_t d) {
    const Channel* channel = user_of(tile, d);
    if (channel == nullptr) return;
    const bool odd = channel->index % 2 != 0;
    if ((d >= half) == odd) return;
    report.add(id,
               fmt::format("{} is run by {}, which can use descriptors {} to {}", name_of(id, d),
                           name_of(id, *channel), odd ? half : 0, (odd ? 2 * half : half) - 1));
  });
}

void dimensions(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    if (static_cast<std::int64_t>(descriptor.dimensions.size()) <= tile.limits->dimensions) return;
    report.add(id, fmt::format("{} has {} dimensions, at most {} are possible", name_of(id, d),
                               descriptor.dimensions.size(), tile.limits->dimensions));
  });
}

/// The outermost dimension has no count in hardware: the words end it. Zeros behind it need one.
void dimension_count(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    for (std::size_t level = 0; level < descriptor.dimensions.size(); ++level) {
      const std::uint32_t count = descriptor.dimensions[level].count;
      const bool padded =
          level < descriptor.pad_after.size() &&
          (descriptor.pad_before.at(level) != 0 || descriptor.pad_after.at(level) != 0);
      const bool counted = padded || level + 1 < descriptor.dimensions.size();
      if (count >= 1 && (!counted || count <= tile.limits->max_count)) continue;
      report.add(id, fmt::format("{} dimension {} has count {}, expected 1 to {}", name_of(id, d),
                                 level, count, tile.limits->max_count));
    }
  });
}

/// The field of a stride holds stride - 1 and has no sign (AM020; mlir-aie). A dimension of count 1
/// takes no step.
void stride(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  const std::int64_t most = tile.limits->max_stride;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    for (std::size_t level = 0; level < descriptor.dimensions.size(); ++level) {
      const auto [count, step] = descriptor.dimensions[level];
      if (count <= 1 || (step >= 1 && step <= most)) continue;
      report.add(id, fmt::format("{} dimension {} has stride {}, expected 1 to {} words",
                                 name_of(id, d), level, step, most));
    }
    const auto [count, step] = descriptor.iteration;
    if (count <= 1 || (step >= 1 && step <= most)) return;
    report.add(id, fmt::format("{} has iteration stride {}, expected 1 to {} words", name_of(id, d),
                               step, most));
  });
}

void iteration_count(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    const std::uint32_t count = descriptor.iteration.count;
    if (count >= 1 && std::int64_t{count} <= tile.limits->max_iteration) return;
    report.add(id, fmt::format("{} has iteration count {}, expected 1 to {}", name_of(id, d), count,
                               tile.limits->max_iteration));
  });
}

void word_limit(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    if (std::int64_t{descriptor.words} <= tile.limits->max_words) return;
    report.add(id, fmt::format("{} moves {} words, at most {} are possible", name_of(id, d),
                               descriptor.words, tile.limits->max_words));
  });
}

void word_product(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    if (descriptor.dimensions.empty()) return;
    std::uint64_t product = 1;
    for (const Dimension& dimension : descriptor.dimensions) {
      product *= dimension.count;
      if (product == 0 || product > descriptor.words) break;
    }
    if (product == descriptor.words) return;
    report.add(id, fmt::format("{} announces {} words, but its dimensions do not multiply to that",
                               name_of(id, d), descriptor.words));
  });
}

void alignment(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    if (descriptor.address % 4 == 0) return;
    report.add(id, fmt::format("{} has address {}, expected a multiple of 4", name_of(id, d),
                               descriptor.address));
  });
}

void padding(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    for (std::size_t level = 0; level < descriptor.pad_before.size(); ++level) {
      if (descriptor.pad_before.at(level) == 0 && descriptor.pad_after.at(level) == 0) continue;
      const Channel* channel = user_of(tile, d);
      const bool sends = channel == nullptr || channel->direction == Direction::mm2s;
      if (id.kind != TileKind::memtile || !sends) {
        report.add(id, fmt::format("{} pads dimension {}, which only MM2S channels of memtiles can",
                                   name_of(id, d), level));
      } else if (level >= descriptor.dimensions.size()) {
        report.add(id, fmt::format("{} pads dimension {}, it has {} dimensions", name_of(id, d),
                                   level, descriptor.dimensions.size()));
      }
      const int most = std::max(descriptor.pad_before.at(level), descriptor.pad_after.at(level));
      const std::int32_t limit = tile.limits->max_padding.at(level);
      if (id.kind == TileKind::memtile && most > limit) {
        report.add(id, fmt::format("{} pads dimension {} by {}, at most {} is possible",
                                   name_of(id, d), level, most, limit));
      }
    }
  });
}

void neighbour_memory(const StepFacts& facts, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    if (descriptor.memory != MemoryOf::west && descriptor.memory != MemoryOf::east) return;
    const bool west = descriptor.memory == MemoryOf::west;
    const std::string_view side = west ? "west" : "east";
    const Channel* channel = user_of(tile, d);
    if (id.kind != TileKind::memtile) {
      report.add(id, fmt::format("{} addresses the memory to the {}, which only memtiles can",
                                 name_of(id, d), side));
    } else if (!facts.grid.neighbour(id, west ? Port::Kind::west : Port::Kind::east)) {
      report.add(id, fmt::format("{} addresses the memory to the {} of {} columns, where none is",
                                 name_of(id, d), side, facts.grid.columns()));
    } else if (channel != nullptr && channel->index >= kNeighbourChannels) {
      report.add(id,
                 fmt::format("{} addresses the memory to the {}, but is run by {}: only "
                             "channels 0 to {} can",
                             name_of(id, d), side, name_of(id, *channel), kNeighbourChannels - 1));
    }
  });
}

void memory_kind(const StepFacts& facts, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  const std::vector<DdrBuffer>& ddr = facts.program->ddr;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    const bool external = descriptor.memory == MemoryOf::ddr;
    const bool own = descriptor.memory == MemoryOf::own;
    if (external && id.kind != TileKind::shim) {
      report.add(id, fmt::format("{} addresses DDR, which only shims can", name_of(id, d)));
    } else if (own && id.kind == TileKind::shim) {
      report.add(
          id, fmt::format("{} addresses its own memory, shims have 0 bytes of it", name_of(id, d)));
    } else if (external && descriptor.ddr_buffer >= ddr.size()) {
      report.add(id, fmt::format("{} addresses DDR buffer {}, the program has {}", name_of(id, d),
                                 descriptor.ddr_buffer, ddr.size()));
    }
  });
}

void read_only_buffer(const StepFacts& facts, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    if (descriptor.memory != MemoryOf::ddr || id.kind != TileKind::shim) return;
    if (descriptor.ddr_buffer >= facts.program->ddr.size()) return;
    const Channel* channel = user_of(tile, d);
    if (channel == nullptr || channel->direction == Direction::mm2s) return;
    const DdrBuffer& buffer = facts.program->ddr[descriptor.ddr_buffer];
    if (buffer.kind != DdrBuffer::Kind::input && buffer.kind != DdrBuffer::Kind::weights) return;
    report.add(id, fmt::format("{} writes to DDR buffer {} ('{}'), which can only be read",
                               name_of(id, d), descriptor.ddr_buffer, buffer.name));
  });
}

/// Bytes of the memory that a descriptor addresses; none where other rules complain.
std::optional<std::uint64_t> memory_bytes(const StepFacts& facts, TileKind kind,
                                          const Descriptor& descriptor) {
  if (descriptor.memory == MemoryOf::ddr) {
    if (kind != TileKind::shim) return std::nullopt;
    if (descriptor.ddr_buffer >= facts.program->ddr.size()) return std::nullopt;
    return facts.program->ddr[descriptor.ddr_buffer].size_bytes;
  }
  const bool own = descriptor.memory == MemoryOf::own;
  if (kind == TileKind::shim || (kind == TileKind::core && !own)) return std::nullopt;
  const std::int64_t bytes = limits_of(*facts.device, kind).memory_bytes;
  if (kind == TileKind::memtile) return static_cast<std::uint64_t>(bytes);
  return static_cast<std::uint64_t>(std::min(bytes, facts.device->core_memory));
}

/// Bytes that a descriptor touches, all its iterations together: `below` its address and, the
/// first one included, `above` it.
struct Extent {
  std::uint64_t below = 0, above = 0;
  [[nodiscard]] bool inside(std::uint64_t address, std::uint64_t size) const {
    return address >= below && above <= size && address <= size - above;
  }
};

Extent extent_of(const Descriptor& descriptor) {
  std::int64_t lowest = 0;  // words from the address
  std::int64_t highest = descriptor.dimensions.empty() ? std::int64_t{descriptor.words} - 1 : 0;
  const auto extend = [&](const Dimension& dimension) {
    if (dimension.count == 0) return;
    const std::int64_t reach = (std::int64_t{dimension.count} - 1) * dimension.stride;
    (reach < 0 ? lowest : highest) += reach;
  };
  for (const Dimension& dimension : descriptor.dimensions) extend(dimension);
  extend(descriptor.iteration);
  return {static_cast<std::uint64_t>(-lowest) * 4, (static_cast<std::uint64_t>(highest) + 1) * 4};
}

void address_range(const StepFacts& facts, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    const auto size = memory_bytes(facts, id.kind, descriptor);
    const Extent extent = extent_of(descriptor);
    if (!size || extent.inside(descriptor.address, *size)) return;
    report.add(id, fmt::format("{} touches bytes {} to {} from address {} of a memory of {} bytes",
                               name_of(id, d), -static_cast<std::int64_t>(extent.below),
                               extent.above - 1, descriptor.address, *size));
  });
}

/// Transfers of a core that stay in its memory, but not below its stack.
void stack(const StepFacts& facts, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  const std::int64_t begin = facts.device->core_memory - facts.device->silicon.stack_bytes;
  if (id.kind != TileKind::core || begin < 0) return;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    const auto size = memory_bytes(facts, id.kind, descriptor);
    const Extent extent = extent_of(descriptor);
    if (!size || !extent.inside(descriptor.address, *size)) return;
    if (extent.inside(descriptor.address, static_cast<std::uint64_t>(begin))) return;
    report.add(id, fmt::format("{} touches bytes up to {}, the stack begins at {}", name_of(id, d),
                               descriptor.address + extent.above - 1, begin));
  });
}

void compression(const StepFacts&, const TileFacts& tile, Report& report) {
  const TileId id = tile.program->tile;
  for_each(tile, [&](const Descriptor& descriptor, std::size_t d) {
    if (!descriptor.compress) {
      if (descriptor.sizes.empty()) return;
      report.add(id, fmt::format("{} has {} compressed sizes, but does not compress",
                                 name_of(id, d), descriptor.sizes.size()));
    } else if (id.kind == TileKind::shim) {
      report.add(id, fmt::format("{} compresses, which shims cannot: 0 of their channels can",
                                 name_of(id, d)));
    } else if (descriptor.words % kCompressedGroup != 0) {
      report.add(id, fmt::format("{} compresses {} words, expected a multiple of {}",
                                 name_of(id, d), descriptor.words, kCompressedGroup));
    } else if (stream_words(descriptor) != descriptor.words) {
      report.add(id, fmt::format("{} compresses {} words with padding, expected one of the two",
                                 name_of(id, d), descriptor.words));
    }
    const std::uint64_t most = most_compressed_words(descriptor.words);
    for (const std::uint32_t size : descriptor.sizes) {
      if (size >= descriptor.words / kCompressedGroup && size <= most) continue;
      report.add(id,
                 fmt::format("{} compresses {} words to {}, expected {} to {}", name_of(id, d),
                             descriptor.words, size, descriptor.words / kCompressedGroup, most));
      break;
    }
  });
}

constexpr std::array kRules{
    Rule{.name = "descriptor count", .tile = descriptor_count},
    Rule{.name = "descriptor half", .tile = descriptor_half},
    Rule{.name = "dimensions", .tile = dimensions},
    Rule{.name = "dimension count", .tile = dimension_count},
    Rule{.name = "stride", .tile = stride},
    Rule{.name = "iteration count", .tile = iteration_count},
    Rule{.name = "word limit", .tile = word_limit},
    Rule{.name = "word product", .tile = word_product},
    Rule{.name = "alignment", .tile = alignment},
    Rule{.name = "padding", .tile = padding},
    Rule{.name = "neighbour memory", .tile = neighbour_memory},
    Rule{.name = "memory kind", .tile = memory_kind},
    Rule{.name = "read-only buffer", .tile = read_only_buffer},
    Rule{.name = "address range", .tile = address_range},
    Rule{.name = "stack", .tile = stack},
    Rule{.name = "compression", .tile = compression},
};

}  // namespace

std::span<const Rule> descriptor_rules() {
  return kRules;
}

}  // namespace wbs::aie::rules
