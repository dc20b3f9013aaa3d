#include "harness/machine.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>

namespace wbs::harness {

std::string node_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown CPU";
}

int usable_cores() {
  // Asking for all cores gives all that the cpuset allows; then the former affinity returns.
  cpu_set_t before;
  cpu_set_t all;
  std::memset(&all, 0xFF, sizeof all);
  int cores = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  if (::sched_getaffinity(0, sizeof before, &before) == 0 &&
      ::sched_setaffinity(0, sizeof all, &all) == 0) {
    if (::sched_getaffinity(0, sizeof all, &all) == 0) cores = CPU_COUNT(&all);
    ::sched_setaffinity(0, sizeof before, &before);
  }
  std::ifstream quota("/sys/fs/cgroup/cpu.max");
  std::string limit;
  double period = 0;
  if (quota >> limit >> period && limit != "max" && period > 0) {
    const double allowed = std::strtod(limit.c_str(), nullptr) / period;
    cores = std::min(cores, static_cast<int>(allowed + 0.999));
  }
  return std::max(1, cores);
}

std::int64_t usable_memory() {
  std::int64_t bytes =
      static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  std::ifstream limit("/sys/fs/cgroup/memory.max");
  std::int64_t allowed = 0;
  if (limit >> allowed && allowed > 0) bytes = std::min(bytes, allowed);
  return bytes;
}

}  // namespace wbs::harness
