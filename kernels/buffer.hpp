// Memory for tensors: aligned, and in huge pages where the system gives them.
#pragma once

#include <cstddef>
#include <memory>

namespace wbs::kernels {

/// Owns `size()` zeroed bytes, aligned to 64 (2 MiB from 1 MiB on, so that one huge page serves
/// many channel planes: a convolution touches hundreds of planes in turn).
class Buffer {
 public:
  Buffer() = default;
  /// Throws std::bad_alloc.
  explicit Buffer(std::size_t size_bytes);

  [[nodiscard]] std::byte* data() noexcept { return data_.get(); }
  [[nodiscard]] const std::byte* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(std::byte* pointer) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace wbs::kernels
