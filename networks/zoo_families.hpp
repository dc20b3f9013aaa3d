// Builders of the zoo's families; users call build_network().
#pragma once

#include <array>
#include <cstdint>

#include "networks/graph.hpp"
#include "networks/zoo.hpp"

namespace wbs::networks::zoo {

/// ResNet of He et al. (2015) as in torchvision: "v1.5", the stride of a bottleneck is in its 3x3
/// convolution. `blocks` per stage; bottlenecks have three convolutions, else two.
[[nodiscard]] Graph resnet(const ZooRequest& request, std::array<std::int64_t, 4> blocks,
                           bool bottleneck);

/// CIFAR ResNet of He et al. (2015), section 4.2: three stages of 16, 32 and 64 channels with
/// `blocks` blocks each (depth 6 blocks + 2) and parameter-free shortcuts (option A: every second
/// row and column, zero channels added on both sides).
[[nodiscard]] Graph cifar_resnet(const ZooRequest& request, std::int64_t blocks);

/// ResNet-9 of Page, "How to train your ResNet" (DAWNBench 2018), without the final factor 1/8 and
/// with a bias in the classifier: 6,573,130 parameters.
[[nodiscard]] Graph resnet9(const ZooRequest& request);
[[nodiscard]] Graph resnet9_narrow(const ZooRequest& request);

/// VGG of Simonyan and Zisserman (2014), configuration D (16 layers) or E (19), as in torchvision.
/// Where less than 7x7 is left of the image (CIFAR, and whatever is below 224x224): its mean and
/// one classifier layer.
[[nodiscard]] Graph vgg(const ZooRequest& request, int layers, bool batch_norm);

/// Inception V3 of Szegedy et al. (2015) as in torchvision, without the auxiliary head.
[[nodiscard]] Graph inception_v3(const ZooRequest& request);

/// MobileNet V1 of Howard et al. (2017), width 1.
[[nodiscard]] Graph mobilenet_v1(const ZooRequest& request);

/// MobileNet V2 of Sandler et al. (2018), width 1, as in torchvision.
[[nodiscard]] Graph mobilenet_v2(const ZooRequest& request);

/// SqueezeNet 1.1 of Iandola et al. (2016) as in torchvision.
[[nodiscard]] Graph squeezenet1_1(const ZooRequest& request);

/// ViT-Tiny with 16x16 patches of Touvron et al. (2021), as in timm (vit_tiny_patch16).
[[nodiscard]] Graph vit_tiny(const ZooRequest& request);

/// LeNet-300-100: two hidden layers of 300 and 100.
[[nodiscard]] Graph mlp(const ZooRequest& request);

}  // namespace wbs::networks::zoo
