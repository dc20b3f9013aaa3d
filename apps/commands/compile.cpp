// wbs compile: a network's program for an AIE2 array.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "aie_model/program/text_form.hpp"
#include "apps/aie/compile_program.hpp"
#include "apps/aie/device_choice.hpp"
#include "apps/aie/passes.hpp"
#include "apps/aie/program_file.hpp"
#include "apps/aie/published_tiling.hpp"
#include "apps/commands/commands.hpp"
#include "core/error.hpp"

namespace wbs::apps {
namespace {

struct Options {
  AieModelChoice model;
  compiler::CodegenOptions codegen;
  std::string array, device;
  std::string out, emit, passes, compress;
  std::string depth_tiles = "1";
  std::string tiling = "ours";
  std::int64_t step = -1;  ///< to print; -1: all
  bool json = false;
};

void check(const Options& options) {
  const auto refuse = [](const std::string& why) { throw Error(ErrorKind::usage, why); };
  if (options.array.empty() && options.device.empty()) {
    refuse("compile needs --array COLUMNSxROWS, --device NAME, or both");
  }
  if (!options.emit.empty() && options.emit != "text") {
    refuse(fmt::format("--emit {}: expected text", options.emit));
  }
  if (!options.compress.empty() && options.compress != "weights") {
    refuse(fmt::format("--compress {}: expected weights", options.compress));
  }
  if (options.model.seed < 0) refuse("--seed must not be negative");
  if (options.model.calibrate == 0 && !options.model.images.empty()) {
    refuse("--images needs --calibrate N, the number of images that give the scales");
  }
  if (options.model.calibrate > 0 && !options.model.quantisation.empty()) {
    refuse("--calibrate and --quantisation exclude each other: both give the scales");
  }
  if (options.json && !options.emit.empty()) refuse("--json and --emit exclude each other");
  const bool replay = options.tiling != "ours";
  if (replay) (void)value_or_throw(compiler::find_replay_lanes(options.tiling), ErrorKind::usage);
  const AieModelChoice& model = options.model;
  if (replay && (!options.passes.empty() || model.calibrate > 0 || !model.quantisation.empty())) {
    refuse(
        "--passes, --calibrate and --quantisation belong to --tiling ours: a replay of the "
        "published tiling has no values");
  }
}

void print_program(const Options& options, const aie::Program& program) {
  fmt::print("{}", options.step < 0
                       ? aie::print(program)
                       : aie::print_step(program, static_cast<std::uint32_t>(options.step)));
}

/// The replay of the published tiling.
int compile_published(const Options& options, const ChosenDevice& device) {
  const ScaledModel model = load_scaled_model(options.model);
  const CompiledReplay replay =
      compile_replay(model.model, options.model.pattern, device.device,
                     {.lanes = value_or_throw(compiler::find_replay_lanes(options.tiling))});
  if (!options.out.empty()) {
    write_program_file(options.out, replay_content(replay, device, model.weights_source));
  }
  if (!options.emit.empty()) {
    print_program(options, replay.published.program);
  } else if (options.json) {
    fmt::print("{}\n", replay_json(replay, device.device).dump());
  } else {
    fmt::print("{}", replay_text(replay, device.device));
  }
  return 0;
}

int compile(const Options& options) {
  check(options);
  const ChosenDevice device = choose_device(options.array, options.device);
  if (!options.passes.empty()) {
    fmt::print("{}", run_passes({options.model, device.device, options.codegen,
                                 parse_depth_tiles(options.depth_tiles)},
                                options.passes));
    return 0;
  }
  if (options.out.empty() && options.emit.empty() && !options.json) {
    throw Error(ErrorKind::usage, "compile needs --out P.h5, --emit text, --passes or --json");
  }
  if (options.tiling != "ours") return compile_published(options, device);
  ScaledModel model = load_scaled_model(options.model);
  choose_scales(options.model, model);
  const CompiledProgram compiled =
      compile_program(model, model.pattern, device.device, int8_options(options.model),
                      options.codegen, parse_depth_tiles(options.depth_tiles));
  if (!options.out.empty()) {
    write_program_file(options.out, {compiled.program, &compiled.network, device.text,
                                     model.weights_source, model.scales_source, ""});
  }
  if (!options.emit.empty()) {
    print_program(options, compiled.program);
  } else if (options.json) {
    fmt::print("{}\n", compile_json(compiled, model).dump());
  } else {
    fmt::print("{}", compile_text(compiled, model));
  }
  return 0;
}

void add_model_options(CLI::App& command, AieModelChoice& model) {
  command.add_option("--network", model.network,
                     "Zoo name, .onnx file, or .txt in the text form of --passes graph");
  command.add_option("--weights", model.weights,
                     ".onnx file (the network too, without --network) or seeded");
  command.add_option("--input", model.input, "Image size CxHxW");
  command.add_option("--pattern", model.pattern, "Prune first (by L2), as block:8x8@0.5")
      ->capture_default_str();
  command.add_option("--seed", model.seed, "Of seeded weights")->capture_default_str();
  command.add_option("--quantisation", model.quantisation,
                     "Weights and scales of the stage quantize (.h5)");
  command
      .add_option("--calibrate", model.calibrate,
                  "Images (evenly spread) that give the scales; without: noise, for timing only")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--images", model.images, "With --calibrate: folder or .tar");
  command.add_flag("--separate-adds", model.separate_adds,
                   "Residual sums as operations of their own, not inside 1x1 convolutions");
  command.add_flag("--per-layer-shift", model.per_layer_shift,
                   "One weight scale per layer instead of one per output channel");
}

}  // namespace

void add_compile_command(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "compile", "Generate and check the program of a network on an AIE2 array");
  const auto o = std::make_shared<Options>();
  add_model_options(*command, o->model);
  command->add_option("--array", o->array, "Columns x rows of cores, as 4x4");
  command->add_option("--device", o->device,
                      "Device (wbs list devices) or TOML file; --array then is a part of it");
  command->add_option("--out", o->out, "Write the program (HDF5), for wbs simulate");
  command->add_option("--emit", o->emit, "text: print the program");
  command->add_option("--step", o->step, "With --emit: only this step")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--passes", o->passes,
                   "Print what each pass did, or run up to this one and print its result: graph, "
                   "fold, integers, depth, map, place, schedule, program")
      ->expected(0, 1)
      ->default_str("all");
  command
      ->add_option("--depth-tiles", o->depth_tiles,
                   "Compute layers whose tensors do not fit the Memtiles in this many depth-wise "
                   "tiles; auto: try several numbers under the event model")
      ->capture_default_str();
  command
      ->add_option("--tiling", o->tiling,
                   "ours; published: the authors' tiling as a program for timing only; "
                   "published_complete: with all the weights and inputs that it needs")
      ->capture_default_str();
  command->add_flag("!--move-zero-blocks", o->codegen.skip_zero_blocks,
                    "Move and multiply zero blocks too");
  command->add_flag("!--no-sparse-mac", o->codegen.sparse_mac,
                    "2:4 layers on the dense multiply-accumulate unit");
  command->add_option("--compress", o->compress,
                      "weights: zero bytes of weights stay out of streams and DDR");
  command->add_flag("!--through-ddr", o->codegen.keep_in_memtiles,
                    "Pass every tensor between layers through DDR");
  command->add_flag("--json", o->json, "Print JSON");
  command->callback([&action, o, command] {
    if (command->count("--passes") > 0 && o->passes.empty()) o->passes = "all";
    o->codegen.compress_weights = o->compress == "weights";
    action = [o] { return compile(*o); };
  });
}

}  // namespace wbs::apps
