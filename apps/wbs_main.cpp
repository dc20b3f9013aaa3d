// wbs: questions about networks, patterns, devices and campaigns, answered at once.
#include <CLI/CLI.hpp>

#include "apps/commands/commands.hpp"
#include "apps/program.hpp"

int main(int argc, char** argv) {
  CLI::App program(
      "Sparse neural networks on accelerators: list, show, compile, simulate, report.\n"
      "To run an experiment: wbs-sweep experiments/resnet50.toml",
      "wbs");
  wbs::apps::add_common(program);
  program.require_subcommand(1);
  wbs::apps::Action action;
  wbs::apps::add_list_command(program, action);
  wbs::apps::add_show_command(program, action);
  wbs::apps::add_compile_command(program, action);
  wbs::apps::add_simulate_command(program, action);
  wbs::apps::add_bench_command(program, action);
  wbs::apps::add_convert_command(program, action);
  wbs::apps::add_train_command(program, action);
  wbs::apps::add_infer_command(program, action);
  wbs::apps::add_campaign_commands(program, action);
  return wbs::apps::run_program(program, argc, argv, [&action] { return action(); });
}
