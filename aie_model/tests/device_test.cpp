#include "aie_model/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aie_model/device_values.hpp"

namespace wbs::aie {
namespace {

using ::testing::HasSubstr;

TEST(Device, AnyArraySizeIsFoundByName) {
  const auto device = find_device("aie2:8x4");
  ASSERT_TRUE(device.has_value());
  EXPECT_EQ(device->columns, 8);
  EXPECT_EQ(device->rows, 4);
  EXPECT_EQ(device->cores(), 32);
  EXPECT_EQ(device->name, "aie2:8x4");
}

TEST(Device, NamedDevicesHaveTheirCores) {
  EXPECT_EQ(find_device("npu1")->cores(), 16);
  EXPECT_EQ(find_device("npu2")->cores(), 32);
  EXPECT_EQ(find_device("ve2302")->cores(), 34);
  EXPECT_EQ(find_device("ve2802")->cores(), 304);
}

TEST(Device, EveryListedDeviceIsValidNamedAndSourced) {
  const auto devices = list_devices();
  EXPECT_EQ(devices.size(), 11U);
  for (const Device& device : devices) {
    EXPECT_TRUE(device.validate().empty()) << device.name;
    EXPECT_FALSE(device.source.empty()) << device.name;
    EXPECT_TRUE(find_device(device.name).has_value()) << device.name;
  }
}

TEST(Device, LookupExplainsWhatIsWrong) {
  EXPECT_THAT(find_device("npu3").error(), HasSubstr("npu1"));
  EXPECT_THAT(find_device("aie2:4").error(), HasSubstr("aie2:COLUMNSxROWS"));
  EXPECT_THAT(find_device("aie2:4xfour").error(), HasSubstr("aie2:COLUMNSxROWS"));
  EXPECT_THAT(find_device("aie2:4x4x4").error(), HasSubstr("aie2:COLUMNSxROWS"));
  EXPECT_THAT(find_device("aie2:0x4").error(), HasSubstr("columns is 0"));
  EXPECT_THAT(find_device("aie2:4x99").error(), HasSubstr("rows is 99"));
  EXPECT_FALSE(find_device("").has_value());
}

TEST(Device, ValidateNamesEveryProblem) {
  Device device = aie2_array(4, 4);
  EXPECT_TRUE(device.validate().empty());
  device.clock_hz = 0;
  device.core.weights = 65536;
  const auto problems = device.validate();
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[0], HasSubstr("clock_hz"));
  EXPECT_THAT(problems[1], HasSubstr("core_memory"));
}

TEST(Device, EveryListedDeviceHasItsSilicon) {
  for (const Device& device : list_devices()) {
    EXPECT_EQ(device.silicon.core.memory_bytes, device.core_memory) << device.name;
    EXPECT_EQ(device.silicon.memtile.memory_bytes, 524288) << device.name;
  }
  EXPECT_DOUBLE_EQ(find_device("npu1")->silicon.dram_bytes_per_cycle, 15.0);
  EXPECT_NEAR(find_device("npu2")->silicon.dram_bytes_per_cycle, 27.78, 0.01);
  EXPECT_EQ(find_device("ve2302")->silicon.shim_columns.size(), 6U);
  EXPECT_EQ(find_device("ve2802")->silicon.shim_columns.size(), 12U);
  EXPECT_TRUE(find_device("aie2:5x3")->silicon.shim_columns.empty());
}

TEST(Device, ValidateNamesWhatIsWrongWithSilicon) {
  Device device = aie2_array(4, 4);
  device.silicon.core.descriptors = 0;
  device.silicon.memtile.descriptors = 47;
  device.silicon.shim_columns = {3, 4};
  device.silicon.times.words_per_cycle = 0;
  device.silicon.stack_bytes = 65536;
  const auto problems = device.validate();
  ASSERT_EQ(problems.size(), 5U);
  EXPECT_THAT(problems[0], HasSubstr("memtile.descriptors is 47"));
  EXPECT_THAT(problems[1], HasSubstr("core.descriptors is 0"));
  EXPECT_THAT(problems[2], HasSubstr("times.words_per_cycle"));
  EXPECT_THAT(problems[3], HasSubstr("stack_bytes is 65536"));
  EXPECT_THAT(problems[4], HasSubstr("shim_columns has 4, expected 0 to 3"));
}

TEST(DeviceValues, TheKeysOfADeviceGiveItBack) {
  const Device original = *find_device("ve2802");
  DeviceValues values;
  for (const DeviceKey& key : device_keys(original)) {
    EXPECT_FALSE(key.meaning.empty()) << key.key;
    EXPECT_TRUE(values.emplace(key.key, key.values).second) << key.key;
  }
  const auto made = device_with(aie2_array(1, 1), values);
  ASSERT_TRUE(made.has_value()) << made.error();
  EXPECT_EQ(made->columns, 38);
  EXPECT_EQ(made->memtile_bytes, original.memtile_bytes);
  EXPECT_EQ(made->silicon.shim_columns, original.silicon.shim_columns);
  EXPECT_EQ(made->silicon.memtile.max_padding, original.silicon.memtile.max_padding);
  const auto again = device_keys(*made);
  const auto before = device_keys(original);
  ASSERT_EQ(again.size(), before.size());
  for (std::size_t i = 0; i < again.size(); ++i) {
    EXPECT_EQ(again[i].values, before[i].values) << again[i].key;
  }
}

TEST(DeviceValues, MemorySizesFollowTheTile) {
  const auto made = device_with(aie2_array(2, 2), {{"memtile.memory_bytes", {262144}}});
  ASSERT_TRUE(made.has_value()) << made.error();
  EXPECT_EQ(made->memtile_bytes, 262144);
}

TEST(DeviceValues, RefusalsNameKeyAndValue) {
  const Device base = aie2_array(4, 4);
  EXPECT_THAT(device_with(base, {{"clock_hertz", {1e9}}}).error(),
              HasSubstr("unknown key 'clock_hertz' (did you mean 'clock_hz'?)"));
  EXPECT_THAT(device_with(base, {{"rows", {2.5}}}).error(),
              HasSubstr("rows is 2.5, expected a whole number"));
  EXPECT_THAT(device_with(base, {{"rows", {2, 3}}}).error(),
              HasSubstr("rows has 2 values, expected 1"));
  EXPECT_THAT(device_with(base, {{"core.masters", {1}}}).error(), HasSubstr("expected 4"));
  EXPECT_THAT(device_with(base, {{"core.locks", {1e12}}}).error(), HasSubstr("core.locks"));
  EXPECT_THAT(device_with(base, {{"memtile.split_descriptors", {2}}}).error(),
              HasSubstr("flag, 0 or 1"));
  EXPECT_THAT(device_with(base, {{"core.locks", {0}}}).error(),
              HasSubstr("core.locks is 0, expected more than 0"));
}

}  // namespace
}  // namespace wbs::aie
