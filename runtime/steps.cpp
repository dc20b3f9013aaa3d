#include "runtime/steps.hpp"

#include <algorithm>
#include <cstring>

#include "networks/reference_ops.hpp"

namespace wbs::runtime {

const void* Spaces::read(const Place& place) const noexcept {
  switch (place.space) {
    case Space::input:
      return reinterpret_cast<const std::byte*>(input) + place.offset;
    case Space::output:
      return reinterpret_cast<const std::byte*>(output) + place.offset;
    case Space::arena:
      break;
  }
  return arena + place.offset;
}

void* Spaces::write(const Place& place) const noexcept {
  if (place.space == Space::output) return reinterpret_cast<std::byte*>(output) + place.offset;
  WBS_ASSERT(place.space == Space::arena);
  return arena + place.offset;
}

void LoadStep::run(const Spaces& spaces, int threads) const noexcept {
  kernels::load_planes(planes, static_cast<const float*>(spaces.read(in)), scale, spaces.write(out),
                       threads);
}

void UnloadStep::run(const Spaces& spaces, int /*threads*/) const noexcept {
  if (planes.channels == 0) {
    std::memcpy(spaces.write(out), spaces.read(in),
                static_cast<std::size_t>(elements) * sizeof(float));
    return;
  }
  kernels::from_planes(planes, spaces.read(in), scale, static_cast<float*>(spaces.write(out)));
}

void ConvStep::run(const Spaces& spaces, int /*threads*/) const noexcept {
  plan.run({.input = spaces.read(in),
            .residual = has_residual ? spaces.read(residual) : nullptr,
            .output = spaces.write(out),
            .scratch = spaces.arena + scratch});
}

void PoolStep::run(const Spaces& spaces, int threads) const noexcept {
  kernels::pool(pool, in_planes, spaces.read(in), out_planes, spaces.write(out),
                spaces.arena + scratch, threads);
}

void GlobalAverageStep::run(const Spaces& spaces, int threads) const noexcept {
  kernels::global_average(in_planes, spaces.read(in), scale, out_planes, spaces.write(out),
                          threads);
}

void AddStep::run(const Spaces& spaces, int threads) const noexcept {
  kernels::add(planes, spaces.read(in), spaces.read(other), other_scale, how, spaces.write(out),
               threads);
}

void AffineStep::run(const Spaces& spaces, int threads) const noexcept {
  kernels::affine(in_planes, spaces.read(in), how, out_planes, first_channel, spaces.write(out),
                  threads);
}

void ConcatStep::run(const Spaces& spaces, int threads) const noexcept {
  for (const AffineStep& copy : copies) copy.run(spaces, threads);
}

void FlattenStep::run(const Spaces& spaces, int /*threads*/) const noexcept {
  kernels::flatten(in_planes, spaces.read(in), out_planes, spaces.write(out));
}

void BatchStatisticsStep::run(const Spaces& spaces, int threads) const noexcept {
  norm->run(planes, spaces.read(in), spaces.write(out), threads);
}

void ReferenceStep::run(const Spaces& spaces, int /*threads*/) const {
  std::vector<Tensor> values(inputs.size());
  std::vector<Tensor*> pointers;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = inputs[i];
    if (input.is_constant) {
      values[i] = input.constant;
    } else {
      values[i] = Tensor(input.shape);
      std::memcpy(values[i].values.data(), spaces.read(input.place),
                  values[i].values.size() * sizeof(float));
    }
    pointers.push_back(&values[i]);
  }
  const Tensor result = networks::reference::evaluate(node, pointers, true, weights);
  std::memcpy(spaces.write(out), result.values.data(), result.values.size() * sizeof(float));
}

}  // namespace wbs::runtime
