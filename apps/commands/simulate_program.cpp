#include "apps/commands/simulate_program.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "aie_model/kernels/gemm.hpp"
#include "aie_model/machine/machine.hpp"
#include "apps/aie/device_choice.hpp"
#include "apps/aie/program_file.hpp"
#include "apps/aie/verify.hpp"
#include "apps/inference.hpp"
#include "apps/paths.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/image_list.hpp"
#include "datasets/loader.hpp"
#include "networks/int8_random.hpp"

namespace wbs::apps {
namespace {

using nlohmann::json;
using Bytes = std::vector<std::uint8_t>;

constexpr std::int64_t kFewValues = 16;

/// What a functional run reads, and what it is called.
struct Image {
  Bytes bytes;
  std::string name;
  std::optional<std::int64_t> label;
};

/// The images of --images, or of --data as training normalised them.
TransformedImages images_of(const ProgramRun& run, const networks::Int8Network& network) {
  const networks::Int8Shape& shape = network.operations.front().output;
  networks::Graph graph;  // only its input decides how images are cropped
  graph.name = network.name;
  graph.nodes.emplace_back().attributes.shape = {1, shape.channels, shape.rows, shape.columns};
  if (!run.data.empty()) {
    return trained_images(graph, resolve_data_path(run.data), datasets::Split::test);
  }
  return {std::make_unique<datasets::ImageList>(
              datasets::ImageList::open(resolve_data_path(run.images))),
          transform_for(graph, 0)};
}

Image image_of(const ProgramRun& run, const networks::Int8Network& network) {
  if (!run.images.empty() && !run.data.empty()) {
    throw Error(ErrorKind::usage, "--images and --data exclude each other");
  }
  if (run.images.empty() && run.data.empty()) {
    if (run.image >= 0) throw Error(ErrorKind::usage, "--image needs --images or --data");
    return {networks::random_int8_image(network, static_cast<std::uint64_t>(run.seed)),
            fmt::format("random bytes (seed {})", run.seed), std::nullopt};
  }
  const TransformedImages images = images_of(run, network);
  const std::int64_t index = std::max<std::int64_t>(run.image, 0);
  if (index >= images.list->size()) {
    throw Error(ErrorKind::usage, fmt::format("--image {}: {} has images 0 to {}", index,
                                              images.list->source(), images.list->size() - 1));
  }
  datasets::LoaderOptions options;
  options.transform = images.transform;
  options.indices = {index};
  const datasets::Batch batch = value_or_throw<datasets::Batch>([&]() -> Result<datasets::Batch> {
    auto next = datasets::Loader(*images.list, options).next();
    if (!next) return refusal(images.list->source() + ": no image");
    return *std::move(next);
  }());
  Image image{networks::quantise_image(network, batch.images), images.list->place(index), {}};
  if (images.list->label(index) >= 0) image.label = images.list->label(index);
  return image;
}

/// The channel with the largest value of a 1x1 output.
std::optional<std::int64_t> predicted_class(const aie::TensorShape& shape, const Bytes& output) {
  if (output.empty() || shape.rows * shape.columns != 1) return std::nullopt;
  const auto value = [&](std::uint8_t byte) {
    return shape.is_unsigned ? int{byte} : int{static_cast<std::int8_t>(byte)};
  };
  const auto best = std::max_element(
      output.begin(), output.end(),
      [&](std::uint8_t left, std::uint8_t right) { return value(left) < value(right); });
  return best - output.begin();
}

int run_functional(const ProgramRun& run) {
  const ProgramFile file = read_program_file(run.file, /*with_network=*/true);
  const Image image = image_of(run, *file.network);
  const Verification result = verify(file.program, file.device, *file.network, image.bytes);
  const auto predicted = predicted_class(file.program.output, result.output);
  if (run.json) {
    json item{{"mode", "functional"},
              {"network", file.program.network},
              {"pattern", file.program.pattern},
              {"device", file.program.device},
              {"image", image.name},
              {"bit_exact", result.bit_exact},
              {"seconds", result.machine_s + result.reference_s},
              {"machine_s", result.machine_s},
              {"reference_s", result.reference_s},
              {"layers", result.layers},
              {"layers_compared", result.layers_compared},
              {"distinct_values_least", result.distinct_values_least},
              {"distinct_values_layer", result.least_layer},
              {"difference", result.difference},
              {"fault", nullptr},
              {"predicted", nullptr},
              {"label", nullptr},
              {"peak_bytes", peak_memory_bytes()}};
    if (predicted) item["predicted"] = *predicted;
    if (image.label) item["label"] = *image.label;
    if (result.fault) {
      item["fault"] = {{"kind", aie::to_string(result.fault->kind)},
                       {"step", result.fault->step},
                       {"step_name", file.program.steps.at(result.fault->step).name},
                       {"message", result.fault->message}};
    }
    fmt::print("{}\n", item.dump());
    return result.bit_exact ? 0 : 1;
  }
  fmt::print("{} ({}) on {}, {}: ", file.program.network, file.program.pattern, file.program.device,
             image.name);
  if (result.fault) {
    fmt::print("stopped in step {} ('{}') by {}: {}\n", result.fault->step,
               file.program.steps.at(result.fault->step).name, aie::to_string(result.fault->kind),
               result.fault->message);
  } else if (!result.difference.empty()) {
    fmt::print("NOT equal to the integer reference: {}\n", result.difference);
  } else {
    fmt::print("equal to the integer reference bit for bit\n");
  }
  fmt::print("{} of {} layers and the output compared; fewest distinct values {} ({}){}\n",
             result.layers_compared, result.layers, result.distinct_values_least,
             result.least_layer,
             result.distinct_values_least < kFewValues
                 ? ": fewer than 16, so equality says little about that layer"
                 : "");
  if (predicted) {
    fmt::print("largest output: class {}{}\n", *predicted,
               image.label ? fmt::format(", the image's is {}", *image.label) : "");
  }
  fmt::print("machine {:.2f} s, reference {:.2f} s\n", result.machine_s, result.reference_s);
  return result.bit_exact ? 0 : 1;
}

}  // namespace

std::int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

void add_program_options(CLI::App& command, ProgramRun& run) {
  command.add_option("program", run.file, "Program of wbs compile (.h5)");
  command
      .add_option("--mode", run.mode,
                  "Of a program: event (time) or functional (bits, against the integer reference)")
      ->capture_default_str();
  command.add_option("--trace", run.trace, "Write a Chrome/Perfetto trace (JSON)");
  command.add_option("--gantt", run.gantt, "Write a Gantt chart (SVG)");
  command.add_option("--heatmap", run.heatmap, "Write the array's utilisation (SVG)");
  command
      .add_option("--roofline", run.roofline_svg,
                  "What bounds each layer: print the table; with FILE.svg draw it too")
      ->expected(0, 1);
  command.add_option("--against", run.against,
                     "Program of the dense network (.h5): the gain by layer and its bound");
  command.add_option("--layer", run.layer, "Only this layer in trace, Gantt chart and heat map");
  command.add_option("--images", run.images, "functional: folder or .tar of images");
  command.add_option("--data", run.data,
                     "functional: data set that the network was trained on; its test images");
  command.add_option("--image", run.image, "Which of them; default: the first")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--seed", run.seed, "functional: of the random image without images")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

int simulate_program(const ProgramRun& run) {
  if (run.mode == "functional") {
    if (run.draws() || run.roofline || !run.against.empty()) {
      throw Error(ErrorKind::usage,
                  "--trace, --gantt, --heatmap, --roofline and --against need --mode event");
    }
    return run_functional(run);
  }
  if (run.mode != "event") {
    throw Error(ErrorKind::usage, fmt::format("--mode {}: expected functional or event", run.mode));
  }
  if (!run.images.empty() || !run.data.empty() || run.image >= 0) {
    throw Error(
        ErrorKind::usage,
        "--images, --data and --image need --mode functional: time does not depend on them");
  }
  return simulate_event(run);
}

int simulate_kernel(const KernelRun& run) {
  using aie::GemmTypes;
  const std::vector<std::pair<std::string, GemmTypes>> known{{"int8:int8", GemmTypes::i8_i8},
                                                             {"int8:int16", GemmTypes::i8_i16},
                                                             {"int8:int32", GemmTypes::i8_i32},
                                                             {"bf16:bf16", GemmTypes::bf16_bf16}};
  const auto types = std::find_if(known.begin(), known.end(),
                                  [&](const auto& entry) { return entry.first == run.types; });
  if (types == known.end()) {
    throw Error(ErrorKind::usage,
                fmt::format("--type {}: expected int8:int8, int8:int16, int8:int32 or bf16:bf16",
                            run.types));
  }
  std::vector<std::int64_t> sizes;
  for (const std::string_view part : split(run.size, 'x')) {
    const auto size = parse_integer(part);
    sizes.push_back(size && *size >= 1 && *size <= 65535 ? *size : 0);
  }
  if (sizes.size() != 3 || std::count(sizes.begin(), sizes.end(), 0) > 0) {
    throw Error(ErrorKind::usage,
                fmt::format("--kernel {}: expected MxKxN, for example 64x232x64", run.size));
  }
  const aie::Device device = choose_device("", run.device).device;
  const double cycles =
      aie::single_core_gemm_cycles(sizes[0], sizes[1], sizes[2], types->second, device);
  const double macs_per_cycle = static_cast<double>(sizes[0] * sizes[1] * sizes[2]) / cycles;
  const double peak = static_cast<double>(aie::peak_macs(types->second, device));
  if (run.json) {
    fmt::print("{}\n", json{{"kernel", run.size},
                            {"type", run.types},
                            {"device", device.name},
                            {"model", "event"},
                            {"cycles", cycles},
                            {"core_macs_per_cycle", macs_per_cycle},
                            {"peak_macs_per_cycle", peak},
                            {"efficiency", macs_per_cycle / peak}}
                           .dump());
  } else {
    fmt::print("{} {} on one core of {}: {:.0f} cycles, {:.1f} of {:.0f} MAC a cycle ({:.1f}%)\n",
               run.size, run.types, device.name, cycles, macs_per_cycle, peak,
               100.0 * macs_per_cycle / peak);
  }
  return 0;
}

}  // namespace wbs::apps
