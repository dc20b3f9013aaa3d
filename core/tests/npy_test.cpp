#include "core/npy.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "core/error.hpp"

namespace wbs {
namespace {

std::string npy(std::string_view type, std::string_view shape, std::string_view data,
                std::string_view order = "False") {
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", type, order, shape);
  header.resize((header.size() + 10 + 63) / 64 * 64 - 10, ' ');
  header.back() = '\n';
  std::string file = "\x93NUMPY";
  file += '\1';
  file += '\0';
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  return file + header + std::string(data);
}

template <typename Stored>
std::string bytes_of(std::initializer_list<Stored> values) {
  std::string bytes(values.size() * sizeof(Stored), '\0');
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

TEST(Npy, FloatsKeepShapeAndValues) {
  const Tensor tensor =
      parse_npy(npy("<f4", "(2, 3)", bytes_of<float>({1, 2, 3, 4, 5, -6.5F})), "x");
  EXPECT_EQ(tensor.shape, (Shape{2, 3}));
  EXPECT_EQ(tensor.values, (std::vector<float>{1, 2, 3, 4, 5, -6.5F}));
}

TEST(Npy, OtherTypesBecomeFloats) {
  EXPECT_EQ(parse_npy(npy("<f8", "(1,)", bytes_of<double>({0.5})), "x").values[0], 0.5F);
  EXPECT_EQ(parse_npy(npy("<i8", "(1,)", bytes_of<std::int64_t>({-7})), "x").values[0], -7.0F);
  EXPECT_EQ(parse_npy(npy("<i4", "()", bytes_of<std::int32_t>({9})), "x").values[0], 9.0F);
  EXPECT_EQ(parse_npy(npy("|u1", "(1,)", "\xff"), "x").values[0], 255.0F);
}

TEST(Npy, EmptyArrayIsAllowed) {
  EXPECT_TRUE(parse_npy(npy("<f4", "(0, 5)", ""), "x").values.empty());
}

TEST(Npy, EveryTruncationIsAnError) {
  const std::string whole = npy("<f4", "(2, 3)", bytes_of<float>({1, 2, 3, 4, 5, 6}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(static_cast<void>(parse_npy(whole.substr(0, size), "x")), Error) << size;
  }
}

TEST(Npy, HostileHeadersAreErrors) {
  for (const char* shape : {"(-1,)", "(99999999999, 99999999999)", "(1", "1)", "(a,)", "(1e3,)"}) {
    EXPECT_THROW(static_cast<void>(parse_npy(npy("<f4", shape, "1234"), "x")), Error) << shape;
  }
  EXPECT_THROW(static_cast<void>(parse_npy(npy(">f4", "(1,)", "1234"), "x")), Error);
  EXPECT_THROW(static_cast<void>(parse_npy(npy("<f4", "(1,)", "1234", "True"), "x")), Error);
  EXPECT_THROW(static_cast<void>(parse_npy(npy("<f4", "(1,)", "12345"), "x")), Error);
}

TEST(Npy, MissingFileIsNamed) {
  try {
    static_cast<void>(read_npy("/nowhere/array.npy"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/array.npy"), std::string::npos);
  }
}

}  // namespace
}  // namespace wbs
