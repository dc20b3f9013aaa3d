// wbs simulate P.h5: runs of a compiled program.
#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace wbs::apps {

struct ProgramRun {
  std::string file;  ///< of wbs compile
  std::string mode = "event";
  std::string trace, gantt, heatmap;  ///< files to write; event only
  bool roofline = false;              ///< event: print the roofline's table
  std::string roofline_svg;           ///< event: write its picture
  std::string against;                ///< event: a dense program to compare with
  std::string layer;                  ///< only this layer in trace and gantt
  std::string images;                 ///< functional: folder or .tar of images
  std::string data;                   ///< functional: the stage train's data; its test split
  std::int64_t image = -1;            ///< which of them; -1: the first. Without both: random bytes
  std::int64_t seed = 1;              ///< of random bytes
  bool json = false;

  /// Whether a picture or trace is asked for.
  [[nodiscard]] bool draws() const {
    return !trace.empty() || !gantt.empty() || !heatmap.empty() || !roofline_svg.empty();
  }
};

/// Adds the argument `program` and the options of its runs; `roofline` follows from the count of
/// --roofline.
void add_program_options(CLI::App& command, ProgramRun& run);

/// The most memory that this process ever held.
[[nodiscard]] std::int64_t peak_memory_bytes();

/// The event mode of simulate_program().
int simulate_event(const ProgramRun& run);

/// Runs and prints. Returns the exit code: 1 when a functional run is not bit-exact. Throws Error.
int simulate_program(const ProgramRun& run);

/// A matrix product on one core: sizes "MxKxN", types "int8:int32", device's name.
struct KernelRun {
  std::string size, types = "int8:int8", device = "npu1";
  bool json = false;
};
int simulate_kernel(const KernelRun& run);

}  // namespace wbs::apps
