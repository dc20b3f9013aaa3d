#include "apps/program.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>

#include "core/error.hpp"

namespace wbs::apps {
namespace {

constexpr const char* kExitCodes =
    "Exit codes:\n"
    "  0   everything asked for was done and every case passed\n"
    "  1   finished, but some cases did not pass (the tables and the store say which and why)\n"
    "  2   the command line or the experiment file is wrong, or --out holds another campaign\n"
    "  3   a data file is missing, malformed or of the wrong shape\n"
    "  4   the request is well formed, but not supported\n"
    "  5   the operating system refused to read or write\n"
    "  75  stopped by a signal or deadline; the same command continues\n"
    "  70  a defect of wbs";

}  // namespace

std::string version_text() {
  return fmt::format("wbs {} (GCC {}.{}, C++20)", WBS_VERSION, __GNUC__, __GNUC_MINOR__);
}

void add_common(CLI::App& app) {
  app.set_version_flag("--version", version_text(), "Print the version and exit");
  app.footer(kExitCodes);
  app.get_formatter()->column_width(34);
}

int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& action) {
  const std::string name = app.get_name();
  try {
    app.parse(argc, argv);
    return action();
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : exit_code(ErrorKind::usage);
  } catch (const Error& error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return exit_code(error.kind());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "{}: out of memory\n", name);
    return exit_code(ErrorKind::io);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: internal error: {}\n", name, error.what());
    return exit_code(ErrorKind::internal);
  }
}

}  // namespace wbs::apps
