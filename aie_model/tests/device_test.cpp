#include "aie_model/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace wbs::aie
