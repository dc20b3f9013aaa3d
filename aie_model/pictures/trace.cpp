#include "aie_model/pictures/trace.hpp"

#include <fmt/format.h>

#include <iterator>
#include <set>
#include <utility>

namespace wbs::aie {
namespace {

constexpr int kNetworkProcess = 1;
constexpr int kKinds = 3;
constexpr int kThreadsOfATile = 32;

int process_of(TileId tile) {
  return 2 + tile.column * kKinds + static_cast<int>(tile.kind);
}

/// Threads of a tile: what it computes, its MM2S channels, its S2MM channels.
int thread_of(const Activity& activity) {
  int thread = activity.tile.row * kThreadsOfATile;
  if (activity.kind == Activity::Kind::mm2s) thread += 2 + activity.channel;
  if (activity.kind == Activity::Kind::s2mm) thread += 16 + activity.channel;
  return thread + (activity.kind == Activity::Kind::reconfigure ? 1 : 0);
}

std::string thread_name(const Activity& activity) {
  const std::string tile = to_string(activity.tile);
  switch (activity.kind) {
    case Activity::Kind::kernel:
      return tile + " kernels";
    case Activity::Kind::mm2s:
      return fmt::format("{} MM2S {}", tile, activity.channel);
    case Activity::Kind::s2mm:
      return fmt::format("{} S2MM {}", tile, activity.channel);
    case Activity::Kind::reconfigure:
      break;
  }
  return "reconfiguration";
}

class Writer {
 public:
  explicit Writer(const Picture& picture)
      : picture_(picture), window_(shown(picture)), us_(1e6 / picture.device.clock_hz) {}

  std::string write() {
    text_ = "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"model\":\"event\",\"run\":\"" +
            json_text(title(picture_)) + "\"},\"traceEvents\":[\n";
    name_process(kNetworkProcess, "network", 0);
    name_thread(kNetworkProcess, 0, "layers");
    name_thread(kNetworkProcess, 1, "steps");
    for (const LayerBand& band : layer_bands(picture_, window_)) {
      add(picture_.program.layers.at(band.layer).name, kNetworkProcess, 0, band.cycles);
    }
    for (std::size_t i = 0; i < picture_.run.steps.size(); ++i) {
      const StepTime& step = picture_.run.steps[i];
      if (step.end <= window_.begin || step.begin >= window_.end) continue;
      add(picture_.program.steps[i].name, kNetworkProcess, 1, {step.begin, step.end});
    }
    for (const Activity& activity : picture_.run.activities) add(activity);
    text_ += "\n]}\n";
    return std::move(text_);
  }

 private:
  void add(const Activity& activity) {
    const Cycles cycles = inside(activity, window_);
    if (cycles.length() == 0) return;
    const int process = process_of(activity.tile);
    const int thread = thread_of(activity);
    if (processes_.insert(process).second) {
      constexpr const char* kNames[] = {"shim", "Memtiles", "cores"};
      name_process(process,
                   fmt::format("column {}: {}", activity.tile.column,
                               kNames[static_cast<std::size_t>(activity.tile.kind)]),
                   process);
    }
    if (threads_.insert({process, thread}).second) {
      name_thread(process, thread, thread_name(activity));
    }
    add(picture_.program.layers.at(picture_.program.steps.at(activity.step).layer).name, process,
        thread, cycles);
  }

  void separate() {
    if (!first_) text_ += ",\n";
    first_ = false;
  }

  void add(const std::string& name, int process, int thread, Cycles cycles) {
    separate();
    fmt::format_to(std::back_inserter(text_),
                   R"({{"ph":"X","name":"{}","pid":{},"tid":{},"ts":{:.4f},"dur":{:.4f}}})",
                   json_text(name), process, thread, static_cast<double>(cycles.begin) * us_,
                   static_cast<double>(cycles.length()) * us_);
  }

  void name_process(int process, const std::string& name, int position) {
    separate();
    fmt::format_to(
        std::back_inserter(text_),
        R"({{"ph":"M","name":"process_name","pid":{},"args":{{"name":"{}"}}}},)"
        "\n"
        R"({{"ph":"M","name":"process_sort_index","pid":{},"args":{{"sort_index":{}}}}})",
        process, json_text(name), process, position);
  }

  void name_thread(int process, int thread, const std::string& name) {
    separate();
    fmt::format_to(std::back_inserter(text_),
                   R"({{"ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":"{}"}}}})",
                   process, thread, json_text(name));
  }

  const Picture& picture_;
  Cycles window_;
  double us_;  ///< of a cycle
  std::string text_;
  std::set<int> processes_;
  std::set<std::pair<int, int>> threads_;
  bool first_ = true;
};

}  // namespace

std::string chrome_trace(const Picture& picture) {
  return Writer(picture).write();
}

}  // namespace wbs::aie
