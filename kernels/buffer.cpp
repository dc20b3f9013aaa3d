#include "kernels/buffer.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace wbs::kernels {

Buffer::Buffer(std::size_t size_bytes) : size_(size_bytes) {
  constexpr std::size_t kLine = 64;
  constexpr std::size_t kHugePage = std::size_t{2} << 20U;
  const std::size_t alignment = size_bytes >= kHugePage / 2 ? kHugePage : kLine;
  const std::size_t rounded = (size_bytes + kLine - 1) / kLine * kLine;
  if (rounded == 0) return;
  auto* memory = static_cast<std::byte*>(
      std::aligned_alloc(alignment, (rounded + alignment - 1) / alignment * alignment));
  if (memory == nullptr) throw std::bad_alloc();
  data_.reset(memory);
  // Only a hint: without huge pages everything works, with more TLB misses.
  if (alignment == kHugePage) (void)::madvise(memory, rounded, MADV_HUGEPAGE);
  std::memset(memory, 0, rounded);
}

void Buffer::Free::operator()(std::byte* pointer) const noexcept {
  std::free(pointer);
}

}  // namespace wbs::kernels
