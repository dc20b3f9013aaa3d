// Small ONNX models for tests, written down in a few words.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.hpp"
#include "networks/onnx/importer.hpp"
#include "networks/onnx/proto.hpp"

namespace wbs::networks {

class ModelMaker {
 public:
  explicit ModelMaker(const Shape& input = {1, 2, 4, 4}, std::int64_t opset = 13) {
    model.set_ir_version(7);
    model.set_producer_name("test");
    model.add_opset_import()->set_version(opset);
    auto& value = *graph().add_input();
    value.set_name("x");
    auto& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(::onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : input) {
      auto& dimension = *type.mutable_shape()->add_dim();
      if (extent > 0) {
        dimension.set_dim_value(extent);
      } else {
        dimension.set_dim_param("batch");
      }
    }
  }

  ::onnx::GraphProto& graph() { return *model.mutable_graph(); }

  /// A node named like its output plus "_node".
  ::onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs,
                          const std::string& output) {
    auto& proto = *graph().add_node();
    proto.set_op_type(op);
    proto.set_name(output + "_node");
    for (const std::string& input : inputs) proto.add_input(input);
    proto.add_output(output);
    return proto;
  }

  ::onnx::TensorProto& floats(const std::string& name, const Shape& shape,
                              const std::vector<float>& values) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(::onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : shape) tensor.add_dims(extent);
    for (const float value : values) tensor.add_float_data(value);
    return tensor;
  }

  /// Values 0, 0.01, 0.02, ...
  ::onnx::TensorProto& ramp(const std::string& name, const Shape& shape) {
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.01F;
    return floats(name, shape, values);
  }

  ::onnx::TensorProto& integers(const std::string& name, const std::vector<std::int64_t>& values) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(::onnx::TensorProto::INT64);
    tensor.add_dims(static_cast<std::int64_t>(values.size()));
    for (const std::int64_t value : values) tensor.add_int64_data(value);
    return tensor;
  }

  std::string bytes(const std::string& output) {
    if (graph().output_size() == 0) graph().add_output();
    graph().mutable_output(0)->set_name(output);
    return model.SerializeAsString();
  }

  ImportedNetwork import(const std::string& output, const ImportOptions& options = {}) {
    return import_onnx_bytes(bytes(output), "model.onnx", options);
  }

  ::onnx::ModelProto model;
};

inline void set_int(::onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::INT);
  attribute.set_i(value);
}

inline void set_ints(::onnx::NodeProto& node, const std::string& name,
                     const std::vector<std::int64_t>& values) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

inline void set_float(::onnx::NodeProto& node, const std::string& name, float value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
}

inline void set_text(::onnx::NodeProto& node, const std::string& name, const std::string& value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::STRING);
  attribute.set_s(value);
}

}  // namespace wbs::networks
