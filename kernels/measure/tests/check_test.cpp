#include "kernels/measure/check.hpp"

#include <gmock/gmock.h>

#include "kernels/measure/own.hpp"
#include "kernels/measure/tests/small_layers.hpp"

namespace wbs::kernels::measure {
namespace {

using tests::small_layer;
using tests::small_problem;

class CheckOf : public testing::TestWithParam<Element> {};

Tensor computed(const LayerProblem& problem, peers::ContestantInfo& who) {
  auto own = value_or_throw(make_own(problem.problem, {}, {"direct", "reference"}));
  who = own->info();
  own->reset(0);
  own->run(0);
  return own->output(0);
}

TEST_P(CheckOf, AcceptsTheReferenceKernelAndRefusesOneWrongElement) {
  const auto problem = small_problem(small_layer(GetParam()), "block:8x8@0.5");
  const Reference reference(problem->problem);
  EXPECT_EQ(reference.points(), 24 * 7 * 9);  // a small layer: all of them
  peers::ContestantInfo who;
  Tensor output = computed(*problem, who);
  const Result<double> good = reference.check(who, output);
  ASSERT_TRUE(good) << good.error();
  EXPECT_LE(*good, 1.0);
  const Tensor accepted = output;
  output.values[100] += GetParam() == Element::u8 ? 2.0F : 0.05F * (1.0F + output.values[100]);
  const Result<double> bad = reference.check(who, output);
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error(), testing::HasSubstr("element 100"));
  EXPECT_FALSE(reference.compare(who, output, accepted));
  EXPECT_TRUE(reference.compare(who, accepted, accepted));
}

INSTANTIATE_TEST_SUITE_P(Elements, CheckOf,
                         testing::Values(Element::f32, Element::bf16, Element::u8),
                         [](const auto& of) { return std::string(to_string(of.param)); });

TEST(Check, NotANumberIsRefused) {
  const auto problem = small_problem(small_layer(Element::f32));
  const Reference reference(problem->problem);
  peers::ContestantInfo who;
  Tensor output = computed(*problem, who);
  output.values[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(reference.check(who, output));
}

TEST(Check, LargeLayersAreSampledWithinTheGivenCost) {
  LayerRequest request = small_layer(Element::f32);
  request.residual = false;
  request.shape.height = request.shape.width = 40;
  const auto problem = small_problem(request);
  const std::int64_t terms = 16 * 9;
  EXPECT_EQ(Reference(problem->problem, 200 * terms).points(), 200);
}

TEST(Problem, HasNoZeroThatTheMaskDoesNotAskFor) {
  for (const Element element : {Element::f32, Element::bf16, Element::u8}) {
    const auto problem = small_problem(small_layer(element), "block:8x8@0.5");
    EXPECT_DOUBLE_EQ(problem->density, 0.5);
    std::int64_t zeros = 0;
    for (const float weight : problem->weights.values) zeros += weight == 0.0F ? 1 : 0;
    EXPECT_EQ(zeros, 24 * 16 * 9 / 2);
    EXPECT_THAT(problem->problem.input.values, testing::Not(testing::Contains(0.0F)));
  }
}

TEST(Problem, DependsOnSeedAndNameAlone) {
  LayerRequest request = small_layer(Element::f32);
  const auto first = small_problem(request, "nm:2:4/in");
  const auto again = small_problem(request, "nm:2:4/in");
  request.seed = 2;
  const auto other = small_problem(request, "nm:2:4/in");
  EXPECT_EQ(first->weights.values, again->weights.values);
  EXPECT_EQ(*first->mask, *again->mask);
  EXPECT_FALSE(*first->mask == *other->mask);
}

TEST(Problem, PatternThatDoesNotFitIsRefusedByName) {
  try {
    (void)small_problem(small_layer(Element::f32), "block:32x32@0.5");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(), testing::HasSubstr("small"));
  }
}

}  // namespace
}  // namespace wbs::kernels::measure
