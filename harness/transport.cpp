#include "harness/transport.hpp"

#include <utility>

#include "core/error.hpp"

namespace wbs::harness {

void LocalTransport::send(int to, std::string bytes) {
  WBS_ASSERT(to == 0);
  queue_.push_back(std::move(bytes));
}

std::optional<Transport::Message> LocalTransport::receive() {
  if (queue_.empty()) return std::nullopt;
  Message message{0, std::move(queue_.front())};
  queue_.pop_front();
  return message;
}

}  // namespace wbs::harness
