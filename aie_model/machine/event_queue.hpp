// The order of events: by time, and among equal times by the order in which they were made.
#pragma once

#include <cstdint>
#include <vector>

namespace wbs::aie {

struct Event {
  enum class Kind : std::uint8_t {
    ready,    ///< a DMA channel has paid for the start of its task
    chunk,    ///< words of a stream arrived; `who` is the source channel
    release,  ///< a receiver's lock, once the last word has passed the switches
    core,     ///< a core has finished a call or paid for its locks
  };
  std::uint64_t time = 0;
  std::uint32_t sequence = 0;
  std::uint32_t who_and_kind = 0;

  [[nodiscard]] Kind kind() const { return static_cast<Kind>(who_and_kind & 3U); }
  [[nodiscard]] std::uint32_t who() const { return who_and_kind >> 2U; }
};

/// A heap with four children per node.
class EventQueue {
 public:
  void clear() {
    heap_.clear();
    sequence_ = 0;
  }
  [[nodiscard]] bool empty() const { return heap_.empty(); }

  void push(std::uint64_t time, Event::Kind kind, std::uint32_t who) {
    const Event event{.time = time,
                      .sequence = sequence_++,
                      .who_and_kind = who << 2U | static_cast<std::uint32_t>(kind)};
    std::size_t at = heap_.size();
    heap_.push_back(event);
    while (at > 0) {
      const std::size_t parent = (at - 1) / 4;
      if (!before(event, heap_[parent])) break;
      heap_[at] = heap_[parent];
      at = parent;
    }
    heap_[at] = event;
  }

  Event pop() {
    const Event top = heap_.front();
    const Event last = heap_.back();
    heap_.pop_back();
    const std::size_t size = heap_.size();
    if (size == 0) return top;
    std::size_t at = 0;
    for (std::size_t child = 1; child < size; child = 4 * at + 1) {
      const std::size_t end = child + 4 < size ? child + 4 : size;
      std::size_t best = child;
      for (std::size_t i = child + 1; i < end; ++i) {
        if (before(heap_[i], heap_[best])) best = i;
      }
      if (!before(heap_[best], last)) break;
      heap_[at] = heap_[best];
      at = best;
    }
    heap_[at] = last;
    return top;
  }

 private:
  static bool before(const Event& a, const Event& b) {
    return a.time != b.time ? a.time < b.time : a.sequence < b.sequence;
  }

  std::vector<Event> heap_;
  std::uint32_t sequence_ = 0;
};

}  // namespace wbs::aie
