#include "apps/aie/network_file.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace wbs::apps {
namespace {

using networks::Int8Network;
using networks::Int8Op;
using Bytes = std::vector<std::uint8_t>;
using Integers = std::vector<std::int64_t>;

constexpr const char* kGroup = "/network";
constexpr harness::DatasetOptions kStored{.deflate_level = 1};

constexpr char kNameEnd = '\0';  // no name of a node contains it

constexpr const char* kColumnNames =
    "kind,window_rows,window_columns,stride_rows,stride_columns,top,left,bottom,right,"
    "weights,bias,shifts,second_shifts,shift_input,shift_second,pool_shift,multiplier,minimum,"
    "maximum,"
    "channels,rows,columns,unsigned,exponent,macs,first_row";
constexpr std::size_t kColumns = 26;

/// The group's datasets.
struct Tables {
  Integers operations, inputs, bias;
  Bytes names, weights, shift, second_shift;
};

/// A row of "operations", column by column.
Integers row_of(const Int8Op& op) {
  const auto count = [](const auto& values) { return static_cast<std::int64_t>(values.size()); };
  return {static_cast<std::int64_t>(op.kind),
          op.window[0],
          op.window[1],
          op.stride[0],
          op.stride[1],
          op.padding.top,
          op.padding.left,
          op.padding.bottom,
          op.padding.right,
          count(op.weights),
          count(op.bias),
          count(op.shift),
          count(op.second_shift),
          op.shift_input,
          op.shift_second,
          op.pool_shift,
          op.multiplier,
          op.minimum,
          op.maximum,
          op.output.channels,
          op.output.rows,
          op.output.columns,
          op.output.is_unsigned ? 1 : 0,
          op.output.exponent,
          op.macs,
          op.first_row};
}

template <typename T>
std::string_view view_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// The interpreter trusts its network, so a group whose numbers were changed is refused as a whole.
std::string digest_of_tables(const Tables& tables) {
  Digester digest;
  digest.add(view_of(tables.operations)).add(view_of(tables.inputs)).add(view_of(tables.names));
  digest.add(view_of(tables.weights)).add(view_of(tables.bias)).add(view_of(tables.shift));
  digest.add(view_of(tables.second_shift));
  return digest.hex();
}

Tables tables_of(const Int8Network& network) {
  Tables tables;
  for (std::size_t i = 0; i < network.operations.size(); ++i) {
    const Int8Op& op = network.operations[i];
    const Integers row = row_of(op);
    WBS_ASSERT(row.size() == kColumns);
    tables.operations.insert(tables.operations.end(), row.begin(), row.end());
    for (const std::size_t input : op.inputs) {
      tables.inputs.push_back(static_cast<std::int64_t>(i));
      tables.inputs.push_back(static_cast<std::int64_t>(input));
    }
    for (const std::int8_t weight : op.weights) {
      tables.weights.push_back(static_cast<std::uint8_t>(weight));
    }
    tables.bias.insert(tables.bias.end(), op.bias.begin(), op.bias.end());
    tables.shift.insert(tables.shift.end(), op.shift.begin(), op.shift.end());
    tables.second_shift.insert(tables.second_shift.end(), op.second_shift.begin(),
                               op.second_shift.end());
    const std::string names = op.name + kNameEnd + op.result + kNameEnd;
    tables.names.insert(tables.names.end(), names.begin(), names.end());
  }
  return tables;
}

/// Copies the next `count` numbers of `all` to `part`.
template <typename From, typename To>
void take(const std::vector<From>& all, std::size_t& position, std::int64_t count,
          std::vector<To>& part) {
  for (std::int64_t i = 0; i < count; ++i) part.push_back(static_cast<To>(all.at(position++)));
}

/// The numbers of a row after the counts of weights, bias and shifts, and those before.
void set_numbers(const std::int64_t* row, Int8Op& op) {
  op.kind = static_cast<Int8Op::Kind>(row[0]);
  op.window = {row[1], row[2]};
  op.stride = {row[3], row[4]};
  op.padding = {row[5], row[6], row[7], row[8]};
  op.shift_input = static_cast<std::uint8_t>(row[13]);
  op.shift_second = static_cast<std::uint8_t>(row[14]);
  op.pool_shift = static_cast<std::uint8_t>(row[15]);
  op.multiplier = static_cast<std::int32_t>(row[16]);
  op.minimum = static_cast<std::int16_t>(row[17]);
  op.maximum = static_cast<std::int16_t>(row[18]);
  op.output = {row[19], row[20], row[21], row[22] != 0, static_cast<std::int32_t>(row[23])};
  op.macs = row[24];
  op.first_row = row[25];
}

std::vector<Int8Op> operations_of(const Tables& tables) {
  std::vector<Int8Op> operations(tables.operations.size() / kColumns);
  const std::string text(tables.names.begin(), tables.names.end());
  const std::vector<std::string_view> names = split(text, kNameEnd);
  std::size_t weights = 0, bias = 0, shift = 0, second_shift = 0;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const std::int64_t* row = tables.operations.data() + i * kColumns;
    Int8Op& op = operations[i];
    set_numbers(row, op);
    take(tables.weights, weights, row[9], op.weights);
    take(tables.bias, bias, row[10], op.bias);
    take(tables.shift, shift, row[11], op.shift);
    take(tables.second_shift, second_shift, row[12], op.second_shift);
    op.name = names.at(2 * i);
    op.result = names.at(2 * i + 1);
  }
  for (std::size_t i = 0; i + 1 < tables.inputs.size(); i += 2) {
    operations.at(static_cast<std::size_t>(tables.inputs[i]))
        .inputs.push_back(static_cast<std::size_t>(tables.inputs[i + 1]));
  }
  return operations;
}

template <typename T>
Shape length_of(const std::vector<T>& values) {
  return {static_cast<std::int64_t>(values.size())};
}

std::string at(const char* name) {
  return std::string(kGroup) + "/" + name;
}

}  // namespace

void write_int8_network(harness::Hdf5File& file, const Int8Network& network) {
  const Tables tables = tables_of(network);
  const auto rows = static_cast<std::int64_t>(network.operations.size());
  file.write(at("operations"), {rows, kColumns}, tables.operations, kStored);
  file.set(at("operations"), "columns", std::string(kColumnNames));
  file.write(at("inputs"), {static_cast<std::int64_t>(tables.inputs.size() / 2), 2}, tables.inputs,
             kStored);
  file.write(at("names"), length_of(tables.names), tables.names, kStored);
  file.write(at("weights"), length_of(tables.weights), tables.weights, kStored);
  file.write(at("bias"), length_of(tables.bias), tables.bias, kStored);
  file.write(at("shift"), length_of(tables.shift), tables.shift, kStored);
  file.write(at("second_shift"), length_of(tables.second_shift), tables.second_shift, kStored);
  file.set(kGroup, "name", network.name);
  file.set(kGroup, "output", static_cast<std::int64_t>(network.output));
  file.set(kGroup, "digest", digest_of_tables(tables));
}

networks::Int8Network read_int8_network(const harness::Hdf5File& file, const std::string& path) {
  const Tables tables{file.read_integers(at("operations")), file.read_integers(at("inputs")),
                      file.read_integers(at("bias")),       file.read_bytes(at("names")),
                      file.read_bytes(at("weights")),       file.read_bytes(at("shift")),
                      file.read_bytes(at("second_shift"))};
  Int8Network network;
  network.name = file.text(kGroup, "name");
  const double output = file.number(kGroup, "output");
  const std::size_t operations = tables.operations.size() / kColumns;
  const auto rows = static_cast<double>(operations);
  if (file.text(kGroup, "digest") != digest_of_tables(tables) || !(output >= 0 && output < rows) ||
      file.text(at("operations"), "columns") != kColumnNames) {
    throw Error(ErrorKind::input,
                fmt::format("{}: {} was changed after it was written: functional runs would "
                            "compare with another network",
                            path, kGroup));
  }
  network.operations = operations_of(tables);
  network.output = static_cast<std::size_t>(output);
  return network;
}

}  // namespace wbs::apps
