#include "compiler/codegen/core_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "aie_model/kernels/kernel_model.hpp"
#include "compiler/codegen/core_view.hpp"
#include "core/error.hpp"

namespace wbs::compiler {
namespace {

using aie::Direction;

/// `count` transfers of `words` between a DMA channel and the slots of a ring, from `slot` on.
struct RingTransfers {
  std::uint32_t words = 0;
  std::uint32_t count = 0;
  std::uint32_t slot = 0;
  std::int16_t packet = -1, target = -1;
  std::vector<std::uint32_t> sizes{};  ///< of each in the stream, if they are compressed
};

class CoreEmitter {
 public:
  CoreEmitter(const EmitContext& context, const Phase& phase, const CoreJob& job, StepBuilder& step)
      : core_(context, phase, job),
        context_(context),
        device_(core_.device),
        phase_(phase),
        job_(job),
        layer_(core_.layer),
        step_(step),
        id_(core_tile_at(job.column, job.row)) {}

  void run() {
    const bool broadcast = layer_.shape.shares_input(layer_.mapping.split);
    if (!broadcast && core_.blocks_of_chunk(phase_.chunk).count == 0) {
      if (has_weights(layer_.shape.kernel)) take_weights_only();
      return;
    }
    place_buffers();
    if (layer_.shape.adds) {
      receive_inputs_in_turn();
    } else {
      receive_input();
    }
    if (has_weights(layer_.shape.kernel)) receive_weights();
    send_results();
    write_code(core_, locks_, accumulators_, tile());
  }

 private:
  aie::TileProgram& tile() { return step_.tile(id_); }

  /// Two slots each for input, results and weights, and the accumulators.
  void place_buffers() {
    const CoreBuffers buffers = describe_buffers();
    auto& known = *context_.placements;
    auto it = std::find_if(known.begin(), known.end(),
                           [&](const auto& entry) { return entry.first == buffers; });
    if (it == known.end()) {
      it = known.insert(it, {buffers, place_in_banks(buffers, device_)});
    }
    const CorePlaces& places = it->second;
    const std::size_t rings = layer_.shape.adds ? 4 : has_weights(layer_.shape.kernel) ? 3 : 2;
    for (std::size_t ring = 0; ring < rings; ++ring) {
      const std::int64_t slot = (buffers.bytes.at(ring) + 31) / 32 * 32;
      tile().rings.push_back({places.address.at(ring), u32(slot), 2, {}});
    }
    accumulators_ = places.address.back();
    const std::int64_t room = device_.core_memory - device_.silicon.stack_bytes;
    if (places.end > room) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("{} needs {} bytes of data memory, more than {}", aie::to_string(id_),
                              places.end, room));
    }
  }

  /// The buffers, with the accesses of a call on a full chunk.
  CoreBuffers describe_buffers() const {
    const std::int64_t operands = layer_.shape.operands();
    const bool weights = has_weights(layer_.shape.kernel);
    const std::int64_t blocks = core_.blocks_of_chunk(phase_.chunk).count;
    CoreBuffers buffers;
    buffers.bytes = {
        core_.input_bytes(core_.input_blocks()) * operands,
        layer_.mapping.chunk_blocks * core_.tile_pixels() * 8, weights ? core_.slot_bytes() : 0,
        layer_.shape.adds ? layer_.pieces.second_bytes : 0, layer_.pieces.accumulator_bytes};
    if (operands == 2) buffers.second = core_.input_bytes(core_.input_blocks());
    const aie::KernelCall made = core_.call(blocks, true, true, accumulators_);
    // As many kept operands as on average: cores of a layer then have the same places.
    const double all = static_cast<double>(blocks * layer_.mapping.piece_blocks);
    const bool pairs = layer_.shape.kernel == aie::Kernel::conv_sparse4;
    const auto kept =
        static_cast<std::uint32_t>(std::lround(layer_.shape.density * all / (pairs ? 2 : 1)));
    buffers.accesses = call_accesses(made, kept, device_);
    buffers.cycles = static_cast<double>(call_cycles(made, kept, device_));
    const double calls = static_cast<double>(std::max<std::int64_t>(1, job_.tiles));
    const bool every_call = layer_.pieces.pieces > 1 || layer_.mapping.keep_input;
    for (std::size_t ring = 0; ring < buffers.words.size(); ++ring) {
      buffers.words.at(ring) = static_cast<double>(buffers.bytes.at(ring)) / 4;
    }
    if (!every_call) buffers.words[kWeightsRing] /= calls;
    return buffers;
  }

  RingLocks ring_locks() { return {step_.lock(id_, 2), step_.lock(id_, 0)}; }

  /// The first of the transfers.
  aie::Descriptor ring_descriptor(const ChannelId& channel, std::uint32_t ring,
                                  const RingLocks& locks, const RingTransfers& t) {
    const bool receives = channel.direction == Direction::s2mm;
    const aie::Ring& buffers = tile().rings[ring];
    aie::Descriptor d;
    d.address = buffers.address + (t.slot % 2) * buffers.slot_bytes;
    d.words = t.words;
    d.acquire = {receives ? locks.free : locks.filled, 1};
    d.release = {receives ? locks.filled : locks.free, 1};
    d.packet = t.packet;
    d.target = t.target;
    return d;
  }

  /// Descriptors and tasks for transfers that alternate between the two slots of a ring.
  void transfers(const ChannelId& channel, std::uint32_t ring, const RingLocks& locks,
                 const RingTransfers& t) {
    const auto describe = [&](std::uint32_t slot, std::uint32_t first, std::uint32_t end) {
      RingTransfers one = t;
      one.slot = slot;
      aie::Descriptor d = ring_descriptor(channel, ring, locks, one);
      d.compress = !t.sizes.empty();
      for (std::size_t n = first; n < std::min<std::size_t>(end, t.sizes.size()); n += 2) {
        d.sizes.push_back(t.sizes[n]);
      }
      return d;
    };
    if (t.count >= 2) {
      const std::uint32_t even = t.count / 2 * 2;
      const std::array pair{describe(t.slot, 0, even), describe(t.slot + 1, 1, even)};
      step_.task(channel, step_.chain(channel, pair), t.count / 2);
    }
    if (t.count % 2 != 0) {
      step_.task(channel,
                 step_.descriptor(channel, describe(t.slot + t.count - 1, t.count - 1, t.count)));
    }
  }

  void receive_input() {
    locks_.in = ring_locks();
    const std::int64_t rounds = layer_.mapping.keep_input ? 1 : phase_.chunks;
    const std::int64_t count = rounds * job_.tiles * layer_.pieces.pieces;
    const std::int64_t bytes = core_.input_bytes(core_.input_blocks()) * layer_.shape.operands();
    transfers({id_, Direction::s2mm, 0}, kInputRing, locks_.in,
              {u32(bytes / 4), u32(count), 0, -1, -1, {}});
  }

  /// For each tile the pieces of its input, then the second input chunk by chunk, all through one
  /// channel. The same slots and sizes share a descriptor.
  void receive_inputs_in_turn() {
    locks_.in = ring_locks();
    locks_.second = ring_locks();
    const ChannelId channel{id_, Direction::s2mm, 0};
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::int16_t> known;
    std::array<std::uint32_t, 2> next{};
    const auto receive = [&](std::uint32_t ring, std::int64_t bytes) {
      const std::uint32_t slot = next[ring == kInputRing ? 0 : 1]++ % 2;
      const auto [it, added] = known.try_emplace({ring, slot, u32(bytes)});
      if (added) {
        const RingLocks& locks = ring == kInputRing ? locks_.in : locks_.second;
        it->second = step_.descriptor(
            channel, ring_descriptor(channel, ring, locks, {u32(bytes / 4), 1, slot, -1, -1, {}}));
      }
      step_.task(channel, it->second);
    };
    for (std::int64_t tile = 0; tile < job_.tiles; ++tile) {
      for (std::int64_t piece = 0; piece < layer_.pieces.pieces; ++piece) {
        receive(kInputRing, core_.input_bytes(core_.input_blocks()));
      }
      for (std::int64_t chunk = phase_.chunk; chunk < phase_.chunk + phase_.chunks; ++chunk) {
        const std::int64_t blocks = core_.blocks_of_chunk(chunk).count;
        if (blocks > 0) receive(kSecondRing, blocks * core_.tile_pixels() * 8);
      }
    }
  }

  void receive_weights() {
    locks_.weights = ring_locks();
    aie::Ring& ring = tile().rings[kWeightsRing];
    const std::int64_t k = layer_.pieces.pieces;
    for (std::int64_t chunk = phase_.chunk; chunk < phase_.chunk + phase_.chunks; ++chunk) {
      for (std::int64_t piece = 0; piece < k; ++piece) {
        ring.kept.push_back(kept_in(layer_.kept, layer_.shape.kernel,
                                    chunk_span(layer_, core_.blocks_of_chunk(chunk), piece)));
      }
    }
    transfers({id_, Direction::s2mm, 1}, kWeightsRing, locks_.weights,
              {u32(core_.slot_bytes() / 4), u32(job_.deliveries), 0, -1, -1, weights_sizes()});
  }

  /// What each delivery of weights has in the stream, if they come compressed.
  std::vector<std::uint32_t> weights_sizes() const {
    if (!pack_weights(context_, phase_).compressed) return {};
    const Split split = layer_.mapping.split;
    const std::int64_t row = split == Split::pixels ? 0 : job_.row;
    const std::int64_t home = split == Split::channels ? job_.column : weights_home(device_, row);
    std::vector<std::uint32_t> sizes;
    for (std::int64_t n = 0; n < job_.deliveries; ++n) {
      sizes.push_back(chunk_size(context_, phase_, home, row, n));
    }
    return sizes;
  }

  /// A core without blocks in a row whose weights are broadcast: it lets them pass.
  void take_weights_only() {
    const std::int64_t slot = (core_.slot_bytes() + 31) / 32 * 32;
    for (int ring = 0; ring < 2; ++ring) tile().rings.push_back({0, 0, 1, {}});
    tile().rings.push_back({0, u32(slot), 2, {}});
    receive_weights();
    write_passing_code(job_, locks_, tile());
  }

  void send_results() {
    locks_.out = ring_locks();
    const ChannelId channel{id_, Direction::mm2s, 0};
    const auto words = [&](std::int64_t blocks) { return u32(blocks * core_.tile_pixels() * 2); };
    std::uint32_t slot = 0;
    const auto send = [&](RingTransfers t) {
      if (t.count == 0 || t.words == 0) return;
      t.slot = slot;
      transfers(channel, kOutputRing, locks_.out, t);
      slot += t.count;
    };
    if (job_.packet >= 0) {
      const std::uint32_t size = words(core_.blocks_of_chunk(phase_.chunk).count);
      for (const PacketRun& run : job_.targets) {
        send({size, run.count, 0, job_.packet, run.descriptor, {}});
      }
      return;
    }
    const auto runs = core_.runs_of_chunks();
    const bool by_tile = layer_.mapping.keep_input && runs.size() > 1;
    for (std::int64_t round = 0; round < (by_tile ? job_.tiles : 1); ++round) {
      for (const auto& [blocks, chunks] : runs) {
        send({words(blocks), u32(by_tile ? chunks : chunks * job_.tiles), 0, -1, -1, {}});
      }
    }
  }

  CoreView core_;
  const EmitContext& context_;
  const aie::Device& device_;
  const Phase& phase_;
  const CoreJob& job_;
  const LayerPlan& layer_;
  StepBuilder& step_;
  aie::TileId id_;
  CoreLocks locks_;
  std::uint32_t accumulators_ = 0;
};

}  // namespace

void emit_core(const EmitContext& context, const Phase& phase, const CoreJob& job,
               StepBuilder& step) {
  CoreEmitter(context, phase, job, step).run();
}

}  // namespace wbs::compiler
