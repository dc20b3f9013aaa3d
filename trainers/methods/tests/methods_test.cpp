#include "trainers/methods/methods.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <set>

#include "trainers/methods/tests/fixtures.hpp"

namespace wbs::trainers {
namespace {

using testing::HasSubstr;

/// A pattern that the kind accepts.
std::string pattern_for(const MethodKind& kind) {
  for (const std::string text : {"nm:2:4/in", "block:8x8@0.5", "channel@0.25"}) {
    if (kind.accepts(pattern_of(text))) return text;
  }
  return {};
}

/// Weights, masks and mask changes after training steps `first` to `last` of a run.
struct Training {
  std::vector<SparseLayer> layers;
  std::unique_ptr<Method> method;
  std::vector<std::int64_t> changes;

  void steps(std::int64_t first, std::int64_t last) {
    for (std::int64_t step = first; step < last; ++step) {
      train_step(*method, layers, step_of(step));
      const torch::Tensor changed = method->mask_changes();
      changes.push_back(changed.defined() ? changed.item<std::int64_t>() : -1);
    }
  }
};

Training started(const MethodKind& kind, const std::string& pattern) {
  Training run{layers_for(pattern), kind.make(nullptr), {}};
  run.method->start(run.layers, {});
  return run;
}

/// A fresh process that continues from what `run` stores.
Training resumed(const MethodKind& kind, const std::string& pattern, Training& run) {
  StateArchive saved;
  run.method->exchange(saved);
  std::map<std::string, torch::Tensor> copies;
  for (const auto& [name, tensor] : saved.tensors()) {
    EXPECT_TRUE(tensor.scalar_type() == torch::kFloat32 || tensor.scalar_type() == torch::kBool);
    copies[name] = tensor.detach().clone();
  }
  Training other{layers_for(pattern), kind.make(nullptr), run.changes};
  for (std::size_t i = 0; i < run.layers.size(); ++i) {
    const torch::NoGradGuard no_grad;
    other.layers[i].weight.copy_(run.layers[i].weight);
  }
  MethodContext context;
  context.resuming = true;
  other.method->start(other.layers, context);
  StateArchive restored(copies, saved.numbers());
  other.method->exchange(restored);
  return other;
}

TEST(Methods, ResumedRunEqualsTheUninterruptedOneBitForBit) {
  for (const MethodKind& kind : methods()) {
    const std::string pattern = pattern_for(kind);
    for (const std::int64_t stop : {1, 45, 60}) {
      Training whole = started(kind, pattern);
      whole.steps(0, 100);
      Training first = started(kind, pattern);
      first.steps(0, stop);
      Training second = resumed(kind, pattern, first);
      second.steps(stop, 100);
      EXPECT_EQ(whole.changes, second.changes) << kind.name;
      for (std::size_t i = 0; i < whole.layers.size(); ++i) {
        EXPECT_EQ(from_torch(whole.layers[i].weight).values,
                  from_torch(second.layers[i].weight).values)
            << kind.name << " stopped after " << stop;
        const torch::Tensor weight = whole.layers[i].weight.detach();
        EXPECT_TRUE(whole.method->final_mask(i, weight).equal(second.method->final_mask(i, weight)))
            << kind.name;
        EXPECT_EQ(whole.method->products(i).ff_density, second.method->products(i).ff_density);
      }
    }
  }
}

TEST(Methods, StoredWeightsSatisfyThePatternAfterARun) {
  for (const MethodKind& kind : methods()) {
    for (const std::string text : {"nm:2:4/in", "nm:2:8/in", "nm:1:4/out", "block:8x8@0.5",
                                   "block:8x4@0.75", "unstructured@0.9", "channel@0.25"}) {
      if (!kind.prunes_weights || !kind.accepts(pattern_of(text))) continue;
      Training run = started(kind, text);
      run.steps(0, 100);
      for (std::size_t i = 0; i < run.layers.size(); ++i) {
        const auto good =
            sparsity::satisfies(stored(*run.method, run.layers, i), run.layers[i].pattern);
        EXPECT_TRUE(good.has_value()) << kind.name << " " << text << ": " << reason_of(good);
      }
    }
  }
}

TEST(Methods, FinalMaskIsOfTheWeightsShapeAndTypeAndChangesNothing) {
  for (const MethodKind& kind : methods()) {
    Training run = started(kind, pattern_for(kind));
    run.steps(0, 3);
    const torch::Tensor weight = run.layers[0].weight.detach();
    const torch::Tensor before = weight.clone();
    const torch::Tensor mask = run.method->final_mask(0, weight);
    EXPECT_EQ(mask.scalar_type(), torch::kFloat32) << kind.name;
    EXPECT_EQ(mask.sizes(), weight.sizes()) << kind.name;
    EXPECT_TRUE(mask.eq(0).logical_or(mask.eq(1)).all().item<bool>()) << kind.name;
    EXPECT_TRUE(weight.equal(before));
    EXPECT_TRUE(mask.equal(run.method->final_mask(0, weight)));
  }
}

TEST(Methods, RefuseAPatternThatMakesNoSenseWithTheReason) {
  const auto reason = [](const std::string& name, const std::string& pattern) {
    const Result<void> answer = find_method(methods(), name).accepts(pattern_of(pattern));
    EXPECT_FALSE(answer.has_value()) << name << " " << pattern;
    return reason_of(answer);
  };
  for (const MethodKind& kind : methods()) {
    EXPECT_FALSE(kind.accepts(pattern_of("dense")).has_value()) << kind.name;
  }
  EXPECT_THAT(reason("bdwp", "block:8x8@0.5"), HasSubstr("keeps N of every M"));
  EXPECT_THAT(reason("bdwp", "nm:2:8/out"), HasSubstr("expected nm:2:8/in"));
  EXPECT_THAT(reason("asp", "unstructured@0.5"), HasSubstr("expected nm:N:M/in"));
  EXPECT_THAT(reason("sr_ste", "block:8x8@0.5"), HasSubstr("block:8x8@0.5 has no such groups"));
  EXPECT_THAT(reason("channel", "nm:2:4/in"), HasSubstr("expected channel@RATIO"));
  EXPECT_THAT(reason("gradual", "nm:2:4/in"), HasSubstr("fixes the share of every group"));
  EXPECT_THAT(reason("trainable_mask", "nm:2:4/in"), HasSubstr("chooses in every group"));
  EXPECT_THAT(reason("one_time", "dense"), HasSubstr("nothing to do"));
  const auto method = method_of("bdwp");
  try {
    method->start(layers_for("block:8x8@0.5"), {});
    FAIL() << "expected a refusal";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("layer0"));
  }
}

TEST(Methods, ImportanceThatTheRequestCannotHaveIsRefused) {
  EXPECT_THROW(
      method_of("one_time", {{"importance", "fisher"}})->start(layers_for("block:8x8@0.5"), {}),
      Error);
  EXPECT_THROW(
      method_of("one_time", {{"importance", "variance_block"}})->start(layers_for("nm:2:4/in"), {}),
      Error);
}

TEST(Methods, WrongOptionsAreRefusedTogether) {
  for (const MethodKind& kind : methods()) {
    try {
      static_cast<void>(kind.make({{"colour", 1}, {"flavour", 2}}));
      FAIL() << kind.name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_THAT(error.what(), HasSubstr("colour"));
      EXPECT_THAT(error.what(), HasSubstr("flavour"));
      EXPECT_THAT(error.what(), HasSubstr(std::string(kind.name)));
    }
  }
  EXPECT_THROW(method_of("sr_ste", {{"decay", -1}}), Error);
  EXPECT_THROW(method_of("gradual", {{"begin", 0.5}, {"end", 0.4}}), Error);
  EXPECT_THROW(method_of("one_time", {{"importance", "size"}}), Error);
}

TEST(Methods, NamesAreDistinctAndSourcesCited) {
  std::set<std::string_view> names;
  for (const MethodKind& kind : methods()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    EXPECT_THAT(std::string(kind.source), HasSubstr("arXiv"));
    EXPECT_FALSE(kind.summary.empty());
  }
  EXPECT_EQ(names.size(), 13U);
}

}  // namespace
}  // namespace wbs::trainers
