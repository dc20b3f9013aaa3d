#include "aie_model/tests/networks.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

namespace wbs::aie::testing {
namespace {

struct Kernel {
  std::int64_t h, w, stride, pad_h, pad_w;
};

Kernel square(std::int64_t k, std::int64_t stride = 1, std::int64_t pad = 0) {
  return {k, k, stride, pad, pad};
}

class Builder {
 public:
  int conv(const std::string& name, int from, std::int64_t channels, Kernel k) {
    return add_window(LayerKind::conv, name, from, channels, k);
  }
  int pool(LayerKind kind, const std::string& name, int from, Kernel k) {
    return add_window(kind, name, from, extent(from).c, k);
  }
  int global_pool(int from) {
    TiledLayer layer = start(LayerKind::global_avg_pool, "avgpool", {from});
    layer.output = {1, 1, layer.input.c};
    layer.window = {layer.input.h, layer.input.w, 1, 1, 0, 0};
    return finish(layer);
  }
  int add(const std::string& name, int a, int b) {
    TiledLayer layer = start(LayerKind::add, name, {a, b});
    layer.output = layer.input;
    return finish(layer);
  }
  int concat(const std::string& name, std::vector<int> parts) {
    TiledLayer layer = start(LayerKind::concat, name, parts);
    layer.output = layer.input;
    layer.output.c = 0;
    for (const int part : parts) layer.output.c += extent(part).c;
    return finish(layer);
  }
  std::vector<TiledLayer> take() { return std::move(layers_); }
  explicit Builder(Extent input) : input_(input) {}

 private:
  Extent extent(int i) const {
    return i < 0 ? input_ : layers_[static_cast<std::size_t>(i)].output;
  }
  TiledLayer start(LayerKind kind, const std::string& name, std::vector<int> from) const {
    TiledLayer layer;
    layer.kind = kind;
    layer.name = name;
    layer.input = extent(from.front());
    layer.producers = std::move(from);
    return layer;
  }
  int add_window(LayerKind kind, const std::string& name, int from, std::int64_t channels,
                 Kernel k) {
    TiledLayer layer = start(kind, name, {from});
    layer.window = {k.h, k.w, k.stride, k.stride, k.pad_h, k.pad_w};
    layer.output = {(layer.input.h + 2 * k.pad_h - k.h) / k.stride + 1,
                    (layer.input.w + 2 * k.pad_w - k.w) / k.stride + 1, channels};
    return finish(layer);
  }
  int finish(TiledLayer layer) {
    layers_.push_back(std::move(layer));
    return static_cast<int>(layers_.size()) - 1;
  }

  Extent input_;
  std::vector<TiledLayer> layers_;
};

std::vector<TiledLayer> resnet50() {
  Builder b({224, 224, 3});
  int x = b.conv("conv1", -1, 64, square(7, 2, 3));
  x = b.pool(LayerKind::max_pool, "maxpool", x, square(3, 2, 1));
  constexpr std::array<std::pair<int, int>, 4> kStages = {{{3, 64}, {4, 128}, {6, 256}, {3, 512}}};
  for (std::size_t stage = 0; stage < kStages.size(); ++stage) {
    const auto [blocks, channels] = kStages[stage];
    for (int block = 0; block < blocks; ++block) {
      const std::int64_t stride = block == 0 && stage > 0 ? 2 : 1;
      const std::string name = fmt::format("layer{}.{}.", stage + 1, block);
      int y = b.conv(name + "conv1", x, channels, square(1));
      y = b.conv(name + "conv2", y, channels, square(3, stride, 1));
      y = b.conv(name + "conv3", y, 4 * channels, square(1));
      const int skip =
          block == 0 ? b.conv(name + "downsample.0", x, 4 * channels, square(1, stride)) : x;
      x = b.add(name + "add", y, skip);
    }
  }
  b.global_pool(x);
  return b.take();
}

std::vector<TiledLayer> vgg16() {
  Builder b({224, 224, 3});
  int x = -1, index = 0;
  constexpr std::array<std::pair<int, int>, 5> kStages = {
      {{2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}}};
  for (const auto& [convs, channels] : kStages) {
    for (int i = 0; i < convs; ++i, index += 2) {
      x = b.conv(fmt::format("features.{}", index), x, channels, square(3, 1, 1));
    }
    x = b.pool(LayerKind::max_pool, fmt::format("features.{}", index++), x, square(2, 2));
  }
  b.pool(LayerKind::avg_pool, "avgpool", x, square(1));
  return b.take();
}

int inception_a(Builder& b, const std::string& name, int x, std::int64_t pool_channels) {
  const int p0 = b.conv(name + ".branch1x1", x, 64, square(1));
  int p1 = b.conv(name + ".branch5x5_1", x, 48, square(1));
  p1 = b.conv(name + ".branch5x5_2", p1, 64, square(5, 1, 2));
  int p2 = b.conv(name + ".branch3x3dbl_1", x, 64, square(1));
  p2 = b.conv(name + ".branch3x3dbl_2", p2, 96, square(3, 1, 1));
  p2 = b.conv(name + ".branch3x3dbl_3", p2, 96, square(3, 1, 1));
  int p3 = b.pool(LayerKind::avg_pool, name + ".pool", x, square(3, 1, 1));
  p3 = b.conv(name + ".branch_pool", p3, pool_channels, square(1));
  return b.concat(name + ".cat", {p0, p1, p2, p3});
}

int inception_b(Builder& b, int x) {
  const std::string name = "Mixed_6a";
  const int p0 = b.conv(name + ".branch3x3", x, 384, square(3, 2));
  int p1 = b.conv(name + ".branch3x3dbl_1", x, 64, square(1));
  p1 = b.conv(name + ".branch3x3dbl_2", p1, 96, square(3, 1, 1));
  p1 = b.conv(name + ".branch3x3dbl_3", p1, 96, square(3, 2));
  const int p2 = b.pool(LayerKind::max_pool, name + ".pool", x, square(3, 2));
  return b.concat(name + ".cat", {p0, p1, p2});
}

int inception_c(Builder& b, const std::string& name, int x, std::int64_t c) {
  const Kernel wide{1, 7, 1, 0, 3}, tall{7, 1, 1, 3, 0};
  const int p0 = b.conv(name + ".branch1x1", x, 192, square(1));
  int p1 = b.conv(name + ".branch7x7_1", x, c, square(1));
  p1 = b.conv(name + ".branch7x7_2", p1, c, wide);
  p1 = b.conv(name + ".branch7x7_3", p1, 192, tall);
  int p2 = b.conv(name + ".branch7x7dbl_1", x, c, square(1));
  p2 = b.conv(name + ".branch7x7dbl_2", p2, c, tall);
  p2 = b.conv(name + ".branch7x7dbl_3", p2, c, wide);
  p2 = b.conv(name + ".branch7x7dbl_4", p2, c, tall);
  p2 = b.conv(name + ".branch7x7dbl_5", p2, 192, wide);
  int p3 = b.pool(LayerKind::avg_pool, name + ".pool", x, square(3, 1, 1));
  p3 = b.conv(name + ".branch_pool", p3, 192, square(1));
  return b.concat(name + ".cat", {p0, p1, p2, p3});
}

int inception_d(Builder& b, int x) {
  const std::string name = "Mixed_7a";
  int p0 = b.conv(name + ".branch3x3_1", x, 192, square(1));
  p0 = b.conv(name + ".branch3x3_2", p0, 320, square(3, 2));
  int p1 = b.conv(name + ".branch7x7x3_1", x, 192, square(1));
  p1 = b.conv(name + ".branch7x7x3_2", p1, 192, {1, 7, 1, 0, 3});
  p1 = b.conv(name + ".branch7x7x3_3", p1, 192, {7, 1, 1, 3, 0});
  p1 = b.conv(name + ".branch7x7x3_4", p1, 192, square(3, 2));
  const int p2 = b.pool(LayerKind::max_pool, name + ".pool", x, square(3, 2));
  return b.concat(name + ".cat", {p0, p1, p2});
}

int inception_e(Builder& b, const std::string& name, int x) {
  const Kernel wide{1, 3, 1, 0, 1}, tall{3, 1, 1, 1, 0};
  const int p0 = b.conv(name + ".branch1x1", x, 320, square(1));
  const int p1 = b.conv(name + ".branch3x3_1", x, 384, square(1));
  const int p1a = b.conv(name + ".branch3x3_2a", p1, 384, wide);
  const int p1b = b.conv(name + ".branch3x3_2b", p1, 384, tall);
  const int p1c = b.concat(name + ".cat1", {p1a, p1b});
  int p2 = b.conv(name + ".branch3x3dbl_1", x, 448, square(1));
  p2 = b.conv(name + ".branch3x3dbl_2", p2, 384, square(3, 1, 1));
  const int p2a = b.conv(name + ".branch3x3dbl_3a", p2, 384, wide);
  const int p2b = b.conv(name + ".branch3x3dbl_3b", p2, 384, tall);
  const int p2c = b.concat(name + ".cat2", {p2a, p2b});
  int p3 = b.pool(LayerKind::avg_pool, name + ".pool", x, square(3, 1, 1));
  p3 = b.conv(name + ".branch_pool", p3, 192, square(1));
  return b.concat(name + ".cat", {p0, p1c, p2c, p3});
}

std::vector<TiledLayer> inception_v3() {
  Builder b({299, 299, 3});
  int x = b.conv("Conv2d_1a_3x3", -1, 32, square(3, 2));
  x = b.conv("Conv2d_2a_3x3", x, 32, square(3));
  x = b.conv("Conv2d_2b_3x3", x, 64, square(3, 1, 1));
  x = b.pool(LayerKind::max_pool, "maxpool1", x, square(3, 2));
  x = b.conv("Conv2d_3b_1x1", x, 80, square(1));
  x = b.conv("Conv2d_4a_3x3", x, 192, square(3));
  x = b.pool(LayerKind::max_pool, "maxpool2", x, square(3, 2));
  x = inception_a(b, "Mixed_5b", x, 32);
  x = inception_a(b, "Mixed_5c", x, 64);
  x = inception_a(b, "Mixed_5d", x, 64);
  x = inception_b(b, x);
  x = inception_c(b, "Mixed_6b", x, 128);
  x = inception_c(b, "Mixed_6c", x, 160);
  x = inception_c(b, "Mixed_6d", x, 160);
  x = inception_c(b, "Mixed_6e", x, 192);
  x = inception_d(b, x);
  x = inception_e(b, "Mixed_7b", x);
  x = inception_e(b, "Mixed_7c", x);
  b.global_pool(x);
  return b.take();
}

}  // namespace

std::vector<TiledLayer> network_layers(std::string_view name) {
  if (name == "resnet50") return resnet50();
  if (name == "vgg16") return vgg16();
  if (name == "inception_v3") return inception_v3();
  return {};
}

}  // namespace wbs::aie::testing
