#include "trainers/methods/nm_search.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "sparsity/magnitude.hpp"
#include "trainers/methods/masks.hpp"
#include "trainers/methods/tests/fixtures.hpp"

namespace wbs::trainers {
namespace {

using sparsity::Axis;

struct Found {
  torch::Tensor values, mask;
  std::int64_t changes = 0;
};

Found search(const torch::Tensor& values, const NmGroups& groups, bool by_tensors) {
  Found found{torch::empty_like(values), torch::ones_like(values, torch::kBool)};
  found.changes = (by_tensors ? keep_largest_by_tensors(values, groups, found.values, found.mask)
                              : keep_largest(values, groups, found.values, found.mask))
                      .item<std::int64_t>();
  return found;
}

torch::Tensor few_values(std::vector<std::int64_t> shape) {
  return torch::round(normal(std::move(shape), 3) * 2);  // many ties and zeros of both signs
}

TEST(NmSearch, AgreesWithOneShotPruningOnEveryShapeAndGroup) {
  const std::vector<std::vector<std::int64_t>> shapes{{32, 16, 3, 3}, {7, 13, 3, 3}, {5, 9},
                                                      {64, 64, 1, 1}, {3, 33, 5, 5}, {16, 8, 7, 7}};
  for (const auto& shape : shapes) {
    for (const auto& [kept, group] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {2, 4}, {2, 8}, {1, 4}, {4, 8}, {2, 16}, {1, 3}, {5, 5}}) {
      for (const Axis axis : {Axis::in, Axis::out}) {
        const sparsity::NmPattern pattern{kept, group, axis};
        const torch::Tensor weights = few_values(shape);
        const torch::Tensor expected =
            mask_tensor(sparsity::largest_of_groups(from_torch(weights), pattern), torch::kCPU);
        for (const bool by_tensors : {false, true}) {
          const Found found = search(weights, groups_along(pattern, axis), by_tensors);
          EXPECT_TRUE(found.mask.equal(expected.to(torch::kBool)))
              << sparsity::to_string(pattern) << " of " << to_string(shape) << by_tensors;
          EXPECT_TRUE(found.values.equal(weights.masked_fill(expected.eq(0), 0.0)));
          EXPECT_EQ(found.changes, expected.eq(0).sum().item<std::int64_t>());
        }
      }
    }
  }
}

TEST(NmSearch, ShareIsThatOfTheMask) {
  for (const std::int64_t channels : {8, 13, 3, 16}) {
    const Found found = search(normal({4, channels, 3, 3}, 1), {2, 8, 1}, false);
    EXPECT_DOUBLE_EQ(kept_share(found.mask), kept_share(channels, 2, 8));
  }
}

TEST(NmSearch, CountsTheBitsThatChange) {
  torch::Tensor weights = torch::tensor({{4.0F, 3.0F, 2.0F, 1.0F}});
  Found found{torch::empty_like(weights), torch::zeros_like(weights, torch::kBool)};
  const NmGroups groups{2, 4, 1};
  EXPECT_EQ(keep_largest(weights, groups, found.values, found.mask).item<std::int64_t>(), 2);
  EXPECT_EQ(keep_largest(weights, groups, found.values, found.mask).item<std::int64_t>(), 0);
  weights[0][3] = -5.0F;
  EXPECT_EQ(keep_largest(weights, groups, found.values, found.mask).item<std::int64_t>(), 2);
}

TEST(NmSearch, GroupsRunAlongTheChannelsOfAnOutputGradient) {
  const torch::Tensor gradient = normal({3, 16, 5, 5}, 9);
  const Found found = search(gradient, {2, 8, 1}, false);
  EXPECT_TRUE(found.mask.view({3, 2, 8, 25}).sum(2).eq(2).all().item<bool>());
  EXPECT_TRUE(found.values.equal(search(gradient, {2, 8, 1}, true).values));
}

TEST(NmSearch, ValuesAreTheSameWithoutAMask) {
  const torch::Tensor gradient = few_values({3, 20, 5, 5});
  EXPECT_TRUE(keep_largest(gradient, {2, 8, 1}).equal(search(gradient, {2, 8, 1}, false).values));
}

TEST(NmSearch, KeysChooseWithoutValues) {
  const torch::Tensor keys = torch::tensor({{5, 1, 7, 7, 0, 7}}, torch::kInt32);
  const torch::Tensor expected =
      torch::tensor({{0, 0, 1, 0, 0, 1}}, torch::kInt32).to(torch::kBool);
  EXPECT_TRUE(largest_keys(keys, {1, 4, 1}).equal(expected));
}

}  // namespace
}  // namespace wbs::trainers
