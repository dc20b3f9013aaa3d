// A method's options: a JSON object, null for none.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "trainers/fields.hpp"

namespace wbs::trainers {

/// Reads the options of one method; done() throws Error(usage) with all problems together.
class MethodOptions {
 public:
  MethodOptions(const nlohmann::json& options, std::string_view method)
      : object_(options.is_null() ? nlohmann::json::object() : options),
        fields_(object_, "method " + std::string(method), problems_) {}
  MethodOptions(const MethodOptions&) = delete;
  MethodOptions& operator=(const MethodOptions&) = delete;

  Fields* operator->() noexcept { return &fields_; }
  void problem(std::string sentence) { problems_.push_back(std::move(sentence)); }
  void done() {
    fields_.finish();
    throw_problems(problems_);
  }

 private:
  nlohmann::json object_;
  std::vector<std::string> problems_;
  Fields fields_;
};

}  // namespace wbs::trainers
