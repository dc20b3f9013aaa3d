#include "apps/pruned_file.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/density.hpp"
#include "core/digest.hpp"
#include "harness/hdf5_file.hpp"

namespace wbs::apps {
namespace {

/// fp32 noise does not compress, and deflating the zeros of a pruned layer costs more time than
/// writing them: measured on ResNet-50, see harness/README.md.
constexpr harness::DatasetOptions kStored{.deflate_level = 0};
constexpr harness::DatasetOptions kMaskStored{.deflate_level = 1};

std::string_view bytes_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.values.data()),
          tensor.values.size() * sizeof(float)};
}

/// The density that a compiler stores and computes: the mask's, because a kept block is stored
/// whole even where trained weights happen to be zero.
compiler::LayerDensity density_of(const sparsity::Mask& mask) {
  Tensor kept(mask.shape(), 1.0F);
  mask.apply(kept);
  return compiler::measured_density(kept);
}

double share_of_zeros(const Tensor& tensor) {
  const auto zeros = std::count(tensor.values.begin(), tensor.values.end(), 0.0F);
  return static_cast<double>(zeros) / static_cast<double>(tensor.values.size());
}

/// The mask's bits, eight to a byte, lowest first, as they lie in its words.
std::vector<std::uint8_t> bits_of(const sparsity::Mask& mask) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>((mask.cells() + 7) / 8));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(mask.words()[i / 8] >> (8 * (i % 8)));
  }
  return bytes;
}

}  // namespace

struct PrunedFileWriter::State {
  harness::Hdf5File file;
  Digester digest;

  void add_to_digest(const std::string& object, const Tensor& tensor) {
    digest.add(object).add(bytes_of(tensor));
  }
};

PrunedFileWriter::PrunedFileWriter(const std::string& path,
                                   const std::map<std::string, std::string>& attributes)
    : state_(std::make_unique<State>(harness::Hdf5File::create(path), Digester())) {
  state_->file.set("/", "format", std::string("wbs pruned network"));
  state_->file.set("/", "format_version", std::int64_t{1});
  for (const auto& [name, value] : attributes) state_->file.set("/", name, value);
}

PrunedFileWriter::~PrunedFileWriter() = default;

void PrunedFileWriter::add_unchanged(const std::string& node, const std::string& role,
                                     const Tensor& tensor) {
  state_->add_to_digest("/" + node + "/" + role, tensor);
}

void PrunedFileWriter::add_stored(const std::string& node, const std::string& role,
                                  const Tensor& tensor) {
  const std::string object = "/" + node + "/" + role;
  state_->file.write(object, tensor, kStored);
  state_->add_to_digest(object, tensor);
}

LayerSparsity PrunedFileWriter::add_pruned(const std::string& node, const Tensor& masked,
                                           const sparsity::Pruned& pruned) {
  const std::string object = "/" + node + "/weight";
  state_->file.write(object, masked, kStored);
  state_->add_to_digest(object, masked);
  const LayerSparsity measured{share_of_zeros(masked), density_of(pruned.mask)};
  harness::Hdf5File& file = state_->file;
  file.set(object, "axes", std::string("cout, cin, kh, kw"));
  file.set(object, "units", std::string("1"));
  file.set(object, "requested_sparsity", pruned.requested);
  file.set(object, "achieved_sparsity", measured.zeros);
  file.set(object, "stored_density", measured.density.stored);
  file.set(object, "touched_operands", measured.density.operands);
  file.set(object, "capped", std::int64_t{pruned.capped ? 1 : 0});

  const std::string mask_object = "/" + node + "/mask";
  const std::vector<std::uint8_t> bits = bits_of(pruned.mask);
  file.write(mask_object, {static_cast<std::int64_t>(bits.size())}, bits, kMaskStored);
  file.set(mask_object, "meaning", std::string("bit k % 8 of byte k / 8: cell k is kept"));
  file.set(mask_object, "cell_rows", pruned.mask.cell_rows());
  file.set(mask_object, "cell_columns", pruned.mask.cell_cols());
  file.set(mask_object, "rows_per_cell", pruned.mask.granularity().rows);
  file.set(mask_object, "columns_per_cell", pruned.mask.granularity().cols);
  file.set(mask_object, "cell_is_one_weight",
           std::int64_t{pruned.mask.granularity().per_tap ? 1 : 0});
  return measured;
}

std::string PrunedFileWriter::close() {
  std::string digest = state_->digest.hex();
  state_->file.set("/", "weights_digest", digest);
  state_->file.close();
  return digest;
}

std::map<std::string, PrunedLayer> read_pruned_layers(const std::string& path) {
  const harness::Hdf5File file = harness::Hdf5File::open(path);
  std::map<std::string, PrunedLayer> layers;
  for (const std::string& node : file.members("/")) {
    const std::string mask = "/" + node + "/mask";
    if (!file.has(mask)) continue;
    Tensor weight = file.read("/" + node + "/weight");
    const auto whole = [&](const char* name) {
      return static_cast<std::int64_t>(file.number(mask, name));
    };
    const sparsity::Granularity granularity{whole("rows_per_cell"), whole("columns_per_cell"),
                                            whole("cell_is_one_weight") != 0};
    const std::vector<std::uint8_t> bytes = file.read_bytes(mask);
    std::vector<std::uint64_t> words((bytes.size() + 7) / 8, 0);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      words[i / 8] |= std::uint64_t{bytes[i]} << (8 * (i % 8));
    }
    sparsity::Mask kept = sparsity::Mask::from_words(weight.shape, granularity, std::move(words));
    layers.emplace(node, PrunedLayer{std::move(weight), std::move(kept)});
  }
  return layers;
}

networks::Weights read_stored_tensors(const std::string& path) {
  const harness::Hdf5File file = harness::Hdf5File::open(path);
  networks::Weights weights;
  for (const std::string& node : file.members("/")) {
    for (const std::string& role : file.members("/" + node)) {
      if (role != "mask") weights[node + "/" + role] = file.read("/" + node + "/" + role);
    }
  }
  return weights;
}

std::string read_pattern(const std::string& path) {
  return harness::Hdf5File::open(path).text("/", "pattern");
}

std::map<std::string, compiler::LayerDensity> read_densities(const std::string& path) {
  const harness::Hdf5File file = harness::Hdf5File::open(path);
  std::map<std::string, compiler::LayerDensity> densities;
  for (const std::string& node : file.members("/")) {
    const std::string object = "/" + node + "/weight";
    if (!file.has(object) || !file.has_attribute(object, "stored_density")) continue;
    densities[node] = {file.number(object, "stored_density"),
                       file.number(object, "touched_operands")};
  }
  return densities;
}

}  // namespace wbs::apps
