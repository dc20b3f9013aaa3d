#include "trainers/methods/nm_search.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "core/error.hpp"

namespace wbs::trainers {
namespace {

using torch::Tensor;

constexpr std::int64_t kLanes = 64;  // groups ranked side by side
constexpr std::int32_t kMagnitude = 0x7FFFFFFF;

/// Arrays of one search.
struct Search {
  const std::int32_t* keys = nullptr;    // magnitudes as integers
  const std::int32_t* values = nullptr;  // bits to copy where kept, or null
  std::int32_t* result = nullptr;
  bool* mask = nullptr;  // updated, or null
  std::int64_t kept = 0;
  std::int64_t inner = 1;
  std::int64_t changes = 0;
};

/// selected[i][lane] = -1 where channel i of the lane's group is among the `kept` largest, else 0.
/// The rank of i is the number of j < i with key_j >= key_i plus that of j > i with key_j > key_i.
template <std::int64_t kLength>
void select(const std::int32_t* __restrict keys, std::int64_t any_length, std::int64_t kept,
            std::int32_t* __restrict selected) {
  const std::int64_t length = kLength > 0 ? kLength : any_length;
  const auto limit = static_cast<std::int32_t>(kept);
  for (std::int64_t i = 0; i < length; ++i) {
    std::array<std::int32_t, kLanes> rank;
    rank.fill(static_cast<std::int32_t>(i));
    const std::int32_t* own = keys + i * kLanes;
    for (std::int64_t j = 0; j < i; ++j) {
      const std::int32_t* other = keys + j * kLanes;
      for (std::size_t lane = 0; lane < kLanes; ++lane) rank[lane] -= own[lane] > other[lane];
    }
    for (std::int64_t j = i + 1; j < length; ++j) {
      const std::int32_t* other = keys + j * kLanes;
      for (std::size_t lane = 0; lane < kLanes; ++lane) rank[lane] += other[lane] > own[lane];
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      selected[i * kLanes + static_cast<std::int64_t>(lane)] = -(rank[lane] < limit);
    }
  }
}

void select_any(const std::int32_t* keys, std::int64_t length, std::int64_t kept,
                std::int32_t* selected) {
  switch (length) {
    case 4:
      return select<4>(keys, length, kept, selected);
    case 8:
      return select<8>(keys, length, kept, selected);
    case 16:
      return select<16>(keys, length, kept, selected);
    default:
      return select<0>(keys, length, kept, selected);
  }
}

/// Calls `body` with the length, a compile-time constant for the usual kernels 1x1 and 3x3 and for
/// a full strip.
template <typename Body>
void with_length(std::int64_t length, Body body) {
  switch (length) {
    case 1:
      return body(std::integral_constant<std::int64_t, 1>{});
    case 9:
      return body(std::integral_constant<std::int64_t, 9>{});
    case kLanes:
      return body(std::integral_constant<std::int64_t, kLanes>{});
    default:
      return body(length);
  }
}

class Searcher {
 public:
  Searcher(Search search, std::int64_t group)
      : search_(search),
        keys_(static_cast<std::size_t>(group * kLanes)),
        selected_(static_cast<std::size_t>(group * kLanes)) {}

  /// Groups of `length` channels, each with `inner` neighbours, `count` of them `stride` apart.
  void run(std::int64_t first, std::int64_t length, std::int64_t count, std::int64_t stride) {
    length_ = length;
    // Rows of a few taps stay whole, so that copying them is a loop of fixed length.
    const std::int64_t row = std::min(search_.inner, kLanes);
    for (std::int64_t group = 0; group < count; ++group) {
      for (std::int64_t inner = 0; inner < search_.inner; inner += row) {
        const std::int64_t taken = std::min(row, search_.inner - inner);
        if (lanes_ + taken > kLanes) finish();
        add(first + group * stride + inner, taken);
      }
    }
    if (lanes_ > 0) finish();
  }

  [[nodiscard]] std::int64_t changes() const noexcept { return search_.changes; }

 private:
  struct Piece {
    std::int64_t offset;
    std::int64_t lane;
    std::int64_t count;
  };

  void add(std::int64_t offset, std::int64_t count) {
    pieces_.push_back({offset, lanes_, count});
    const std::int32_t* source = search_.keys + offset;
    std::int32_t* target = keys_.data() + lanes_;
    with_length(count, [&](auto length) {
      for (std::int64_t i = 0; i < length_; ++i) {
        for (std::int64_t k = 0; k < length; ++k) target[k] = source[k] & kMagnitude;
        source += search_.inner;
        target += kLanes;
      }
    });
    lanes_ += count;
  }

  void finish() {
    select_any(keys_.data(), length_, search_.kept, selected_.data());
    for (const Piece& piece : pieces_) {
      with_length(piece.count, [&](auto length) { store(piece, length); });
    }
    pieces_.clear();
    lanes_ = 0;
  }

  template <typename Length>
  void store(const Piece& piece, Length length) {
    const std::int32_t* __restrict selected = selected_.data() + piece.lane;
    std::int64_t offset = piece.offset;
    std::int32_t changes = 0;
    for (std::int64_t i = 0; i < length_; ++i, selected += kLanes, offset += search_.inner) {
      if (search_.values != nullptr) {
        const std::int32_t* __restrict values = search_.values + offset;
        std::int32_t* __restrict result = search_.result + offset;
        for (std::int64_t k = 0; k < length; ++k) result[k] = values[k] & selected[k];
      }
      if (search_.mask == nullptr) continue;
      bool* __restrict mask = search_.mask + offset;
      for (std::int64_t k = 0; k < length; ++k) {
        const bool now = selected[k] != 0;
        changes += now != mask[k];
        mask[k] = now;
      }
    }
    search_.changes += changes;
  }

  Search search_;
  std::int64_t length_ = 0;  // of the groups at hand
  std::int64_t lanes_ = 0;   // in use
  std::vector<Piece> pieces_;
  std::vector<std::int32_t> keys_;
  std::vector<std::int32_t> selected_;
};

/// Groups run along the middle of [outer][channels][inner].
struct Extents {
  std::int64_t outer = 1;
  std::int64_t channels = 1;
  std::int64_t inner = 1;
};

Extents extents_of(at::IntArrayRef shape, std::int64_t dimension) {
  Extents extents;
  for (std::int64_t d = 0; d < static_cast<std::int64_t>(shape.size()); ++d) {
    const std::int64_t extent = shape[static_cast<std::size_t>(d)];
    (d < dimension ? extents.outer : d > dimension ? extents.inner : extents.channels) *= extent;
  }
  return extents;
}

/// The search over a whole tensor of that shape; returns the number of changes.
std::int64_t search_tensor(Search search, at::IntArrayRef shape, const NmGroups& groups) {
  const Extents extents = extents_of(shape, groups.dimension);
  search.inner = extents.inner;
  const std::int64_t full = extents.channels / groups.group;
  const std::int64_t rest = extents.channels % groups.group;
  const std::int64_t line = extents.channels * extents.inner;
  const std::int64_t stride = groups.group * extents.inner;
  Searcher searcher(search, std::min(groups.group, extents.channels));
  if (rest == 0) {
    searcher.run(0, groups.group, extents.outer * full, stride);
    return searcher.changes();
  }
  for (std::int64_t o = 0; o < extents.outer && full > 0; ++o) {
    searcher.run(o * line, groups.group, full, stride);
  }
  searcher.run(full * stride, rest, extents.outer, line);
  return searcher.changes();
}

void require(const Tensor& tensor, const Tensor& like, torch::ScalarType type) {
  WBS_ASSERT(tensor.defined() && tensor.is_contiguous() && tensor.scalar_type() == type &&
             tensor.sizes() == like.sizes() && tensor.device() == like.device());
}

Tensor mask_by_tensors(const Tensor& keys, const NmGroups& groups) {
  const Extents extents = extents_of(keys.sizes(), groups.dimension);
  const std::int64_t missing = (groups.group - extents.channels % groups.group) % groups.group;
  const Tensor plain = keys.reshape({extents.outer, extents.channels, extents.inner});
  const Tensor padded =
      missing == 0 ? plain : torch::constant_pad_nd(plain, {0, 0, 0, missing}, -1);
  const Tensor grouped = padded.reshape({extents.outer, -1, groups.group, extents.inner});
  const Tensor own = grouped.unsqueeze(3);    // [outer][groups][M][1][inner]
  const Tensor other = grouped.unsqueeze(2);  // [outer][groups][1][M][inner]
  const Tensor index = torch::arange(groups.group, keys.options().dtype(torch::kInt32));
  const Tensor earlier = index.unsqueeze(0).lt(index.unsqueeze(1)).unsqueeze(-1);  // [own][other]
  const Tensor before = other.gt(own).logical_or_(other.eq(own).logical_and_(earlier));
  return before.sum(3)
      .lt(groups.kept)
      .reshape({extents.outer, -1, extents.inner})
      .narrow(1, 0, extents.channels)
      .reshape(keys.sizes());
}

}  // namespace

NmGroups groups_along(const sparsity::NmPattern& pattern, sparsity::Axis axis) {
  return {pattern.kept, pattern.group, axis == sparsity::Axis::in ? 1 : 0};
}

double kept_share(std::int64_t channels, std::int64_t kept, std::int64_t group) {
  const std::int64_t whole = channels / group * std::min(kept, group);
  return static_cast<double>(whole + std::min(kept, channels % group)) /
         static_cast<double>(channels);
}

Tensor keep_largest(const Tensor& values, const NmGroups& groups, Tensor& result, Tensor& mask) {
  require(values, values, torch::kFloat32);
  require(result, values, torch::kFloat32);
  require(mask, values, torch::kBool);
  if (!values.is_cpu()) return keep_largest_by_tensors(values, groups, result, mask);
  Search search;
  search.keys = static_cast<const std::int32_t*>(values.data_ptr());
  search.values = search.keys;
  search.result = static_cast<std::int32_t*>(result.data_ptr());
  search.mask = mask.data_ptr<bool>();
  search.kept = groups.kept;
  return torch::scalar_tensor(search_tensor(search, values.sizes(), groups), torch::kInt64);
}

Tensor keep_largest(const Tensor& values, const NmGroups& groups) {
  require(values, values, torch::kFloat32);
  Tensor result = torch::empty_like(values);
  if (!values.is_cpu()) {
    Tensor mask = torch::zeros_like(values, torch::kBool);
    keep_largest_by_tensors(values, groups, result, mask);
    return result;
  }
  Search search;
  search.keys = static_cast<const std::int32_t*>(values.data_ptr());
  search.values = search.keys;
  search.result = static_cast<std::int32_t*>(result.data_ptr());
  search.kept = groups.kept;
  search_tensor(search, values.sizes(), groups);
  return result;
}

void add_decay(const Tensor& gradient, const Tensor& weight, const Tensor& pruned, double decay) {
  // weight - weight * mask is (1 - mask) * weight without rounding.
  if (!weight.is_cpu() || !gradient.is_contiguous() || gradient.scalar_type() != torch::kFloat32) {
    gradient.add_(weight - pruned, decay);
    return;
  }
  require(weight, weight, torch::kFloat32);
  require(pruned, weight, torch::kFloat32);
  float* __restrict sums = gradient.data_ptr<float>();
  const float* __restrict whole = weight.data_ptr<float>();
  const float* __restrict kept = pruned.data_ptr<float>();
  const auto factor = static_cast<float>(decay);
  for (std::int64_t i = 0; i < weight.numel(); ++i) sums[i] += factor * (whole[i] - kept[i]);
}

Tensor largest_keys(const Tensor& keys, const NmGroups& groups) {
  require(keys, keys, torch::kInt32);
  if (!keys.is_cpu()) return mask_by_tensors(keys, groups);
  Tensor mask = torch::zeros(keys.sizes(), torch::kBool);
  Search search;
  search.keys = keys.data_ptr<std::int32_t>();
  search.mask = mask.data_ptr<bool>();
  search.kept = groups.kept;
  search_tensor(search, keys.sizes(), groups);
  return mask;
}

Tensor keep_largest_by_tensors(const Tensor& values, const NmGroups& groups, Tensor& result,
                               Tensor& mask) {
  const torch::NoGradGuard no_grad;
  const Tensor found =
      mask_by_tensors(values.detach().view(torch::kInt32).bitwise_and(kMagnitude), groups);
  const Tensor changes = found.ne(mask).sum();
  mask.copy_(found);
  result.copy_(values.detach().masked_fill(found.logical_not(), 0.0));
  return changes;
}

}  // namespace wbs::trainers
