// What every program does the same way: parse, run, turn an Error into one sentence and an exit
// code.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace wbs::apps {

/// Adds `--version` and the footer that documents the exit codes.
void add_common(CLI::App& app);

/// Parses the command line and runs what the chosen subcommand asked for. Returns the exit code:
/// errors are printed to stderr as "wbs: sentence", nothing escapes.
int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& action);

/// The version of this program, and of what its numbers depend on.
[[nodiscard]] std::string version_text();

}  // namespace wbs::apps
