// The subcommands of `wbs`, one file each. Each adds itself to the program and sets `action` to
// what it will do when it was chosen.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace wbs::apps {

/// What the chosen subcommand does; returns the exit code.
using Action = std::function<int()>;

void add_list_command(CLI::App& program, Action& action);
void add_show_command(CLI::App& program, Action& action);
void add_compile_command(CLI::App& program, Action& action);
void add_simulate_command(CLI::App& program, Action& action);
void add_bench_command(CLI::App& program, Action& action);
void add_convert_command(CLI::App& program, Action& action);
void add_train_command(CLI::App& program, Action& action);
void add_infer_command(CLI::App& program, Action& action);
void add_campaign_commands(CLI::App& program,
                           Action& action);  // report, logs, clean, fsck, rebuild

}  // namespace wbs::apps
