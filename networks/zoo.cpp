#include "networks/zoo.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"
#include "networks/shape_inference.hpp"
#include "networks/zoo_families.hpp"

namespace wbs::networks {
namespace {

constexpr std::array<std::int64_t, 3> kImageNet{3, 224, 224};
constexpr std::array<std::int64_t, 3> kCifar{3, 32, 32};

constexpr std::array<NetworkInfo, 19> kNetworks{{
    {"resnet18", "ResNet-18, basic blocks", kImageNet, 1000,
     [](const ZooRequest& r) { return zoo::resnet(r, {2, 2, 2, 2}, false); }},
    {"resnet34", "ResNet-34, basic blocks", kImageNet, 1000,
     [](const ZooRequest& r) { return zoo::resnet(r, {3, 4, 6, 3}, false); }},
    {"resnet50", "ResNet-50 v1.5 (stride in the 3x3 convolution)", kImageNet, 1000,
     [](const ZooRequest& r) { return zoo::resnet(r, {3, 4, 6, 3}, true); }},
    {"resnet101", "ResNet-101 v1.5 (stride in the 3x3 convolution)", kImageNet, 1000,
     [](const ZooRequest& r) { return zoo::resnet(r, {3, 4, 23, 3}, true); }},
    {"resnet20", "CIFAR ResNet-20, option A shortcuts", kCifar, 10,
     [](const ZooRequest& r) { return zoo::cifar_resnet(r, 3); }},
    {"resnet32", "CIFAR ResNet-32, option A shortcuts", kCifar, 10,
     [](const ZooRequest& r) { return zoo::cifar_resnet(r, 5); }},
    {"resnet56", "CIFAR ResNet-56, option A shortcuts", kCifar, 10,
     [](const ZooRequest& r) { return zoo::cifar_resnet(r, 9); }},
    {"resnet9", "ResNet-9 of DAWNBench", kCifar, 10, zoo::resnet9},
    {"resnet9_narrow", "ResNet-9 with half the channels, 32 to 256", kCifar, 10,
     zoo::resnet9_narrow},
    {"vgg16", "VGG-16", kImageNet, 1000,
     [](const ZooRequest& r) { return zoo::vgg(r, 16, false); }},
    {"vgg16_bn", "VGG-16 with batch normalisation", kImageNet, 1000,
     [](const ZooRequest& r) { return zoo::vgg(r, 16, true); }},
    {"vgg19", "VGG-19", kImageNet, 1000,
     [](const ZooRequest& r) { return zoo::vgg(r, 19, false); }},
    {"vgg19_bn", "VGG-19 with batch normalisation", kImageNet, 1000,
     [](const ZooRequest& r) { return zoo::vgg(r, 19, true); }},
    {"inception_v3",
     "Inception V3 without the auxiliary head",
     {3, 299, 299},
     1000,
     zoo::inception_v3},
    {"mobilenet_v1", "MobileNet V1, width 1", kImageNet, 1000, zoo::mobilenet_v1},
    {"mobilenet_v2", "MobileNet V2, width 1", kImageNet, 1000, zoo::mobilenet_v2},
    {"squeezenet1_1", "SqueezeNet 1.1", kImageNet, 1000, zoo::squeezenet1_1},
    {"vit_tiny", "ViT-Tiny, 16x16 patches, class token", kImageNet, 1000, zoo::vit_tiny},
    {"mlp", "LeNet-300-100, a multilayer perceptron", {1, 28, 28}, 10, zoo::mlp},
}};

}  // namespace

std::span<const NetworkInfo> networks() noexcept {
  return kNetworks;
}

const NetworkInfo* find_network(std::string_view name) noexcept {
  for (const NetworkInfo& info : kNetworks) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

Graph build_network(std::string_view name, const BuildOptions& options) {
  const NetworkInfo* info = find_network(name);
  if (info == nullptr) {
    std::vector<std::string> known;
    for (const NetworkInfo& candidate : kNetworks) known.emplace_back(candidate.name);
    throw Error(ErrorKind::usage,
                fmt::format("unknown network '{}'{}", name, suggestion(name, known)));
  }
  const std::array<std::int64_t, 3> image = options.input.value_or(info->input);
  const bool cifar_stem = image[1] <= kCifarStemRows && info->input[1] > kCifarStemRows;
  ZooRequest request{.name = info->name,
                     .input = {options.batch, image[0], image[1], image[2]},
                     .classes = options.classes.value_or(cifar_stem ? 10 : info->classes)};
  if (request.classes < 1 || request.classes > kMaximumExtent) {
    throw Error(ErrorKind::usage, fmt::format("network '{}': {} classes, expected at least 1", name,
                                              request.classes));
  }
  try {
    return info->build(request);
  } catch (const Error& error) {
    throw Error(ErrorKind::usage,
                fmt::format("with input {}: {}", to_string(request.input), error.what()));
  }
}

}  // namespace wbs::networks
