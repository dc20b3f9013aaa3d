#include "networks/text_form.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "core/text.hpp"
#include "networks/shape_inference.hpp"

namespace wbs::networks {
namespace {

/// Calls visit(word, pointer to member) for every attribute, in printing order.
template <typename Visit>
void visit_attributes(Visit&& visit) {
  visit("kernel", &Attributes::kernel);
  visit("stride", &Attributes::stride);
  visit("dilation", &Attributes::dilation);
  visit("padding", &Attributes::padding);
  visit("groups", &Attributes::groups);
  visit("ceil_mode", &Attributes::ceil_mode);
  visit("count_include_pad", &Attributes::count_include_pad);
  visit("epsilon", &Attributes::epsilon);
  visit("minimum", &Attributes::minimum);
  visit("maximum", &Attributes::maximum);
  visit("axis", &Attributes::axis);
  visit("axes", &Attributes::axes);
  visit("keep_dims", &Attributes::keep_dims);
  visit("shape", &Attributes::shape);
  visit("permutation", &Attributes::permutation);
  visit("pads", &Attributes::pads);
  visit("begin", &Attributes::begin);
  visit("end", &Attributes::end);
  visit("step", &Attributes::step);
  visit("value", &Attributes::value);
  visit("learned", &Attributes::learned);
}

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_./:+-@$").find(c) != std::string_view::npos;
}

// ---- Printing.

std::string quoted(std::string_view name) {
  bool bare = !name.empty();
  for (const char c : name) bare = bare && is_bare(c);
  if (bare) return std::string(name);
  std::string text = "\"";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text + '"';
}

std::string text_of(const std::array<std::int64_t, 2>& extents) {
  return fmt::format("{}x{}", extents[0], extents[1]);
}
std::string text_of(const Padding& p) {
  return fmt::format("{},{},{},{}", p.top, p.left, p.bottom, p.right);
}
std::string text_of(const std::vector<std::int64_t>& list) {
  return fmt::format("{}", fmt::join(list, ","));
}
std::string text_of(std::int64_t value) {
  return fmt::format("{}", value);
}
std::string text_of(double value) {
  return std::isfinite(value) ? number_text(value) : fmt::format("{}", value);
}
std::string text_of(bool value) {
  return value ? "true" : "false";
}

// ---- Reading.

/// One line being read from left to right; fail() names the line.
class LineReader {
 public:
  LineReader(std::string_view line, std::size_t number) : rest_(line), number_(number) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::input, fmt::format("line {}: {}", number_, what));
  }
  void skip_spaces() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t')) rest_.remove_prefix(1);
  }
  [[nodiscard]] bool at_end() {
    skip_spaces();
    return rest_.empty();
  }
  [[nodiscard]] bool accept(std::string_view symbol) {
    skip_spaces();
    if (!rest_.starts_with(symbol)) return false;
    rest_.remove_prefix(symbol.size());
    return true;
  }
  void expect(std::string_view symbol) {
    if (!accept(symbol)) fail(fmt::format("expected '{}' before '{}'", symbol, rest_));
  }
  /// A bare or quoted name.
  [[nodiscard]] std::string name(const char* what) {
    skip_spaces();
    if (accept("\"")) return quoted_rest();
    return std::string(take(what, [](char c) { return is_bare(c); }));
  }
  /// Letters and underscores: an operator or an attribute.
  [[nodiscard]] std::string_view word(const char* what) {
    skip_spaces();
    return take(what, [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
  }
  /// What follows up to the next space.
  [[nodiscard]] std::string_view value(const char* what) {
    return take(what, [](char c) { return c != ' ' && c != '\t'; });
  }

 private:
  template <typename Accepts>
  std::string_view take(const char* what, Accepts accepts) {
    std::size_t length = 0;
    while (length < rest_.size() && accepts(rest_[length])) ++length;
    if (length == 0) fail(fmt::format("expected {} before '{}'", what, rest_));
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }
  std::string quoted_rest() {
    std::string text;
    while (!accept_here('"')) {
      if (accept_here('\\')) {
        text += escaped();
      } else if (rest_.empty()) {
        fail("a quoted name does not end");
      } else {
        text += rest_[0];
        rest_.remove_prefix(1);
      }
    }
    return text;
  }
  char escaped() {
    for (const char c : {'"', '\\'}) {
      if (accept_here(c)) return c;
    }
    if (accept_here('x') && rest_.size() >= 2) {
      const auto digit = [](char c) {
        return static_cast<int>(std::string_view("0123456789abcdef").find(c));
      };
      const int high = digit(rest_[0]);
      const int low = digit(rest_[1]);
      rest_.remove_prefix(2);
      if (high >= 0 && low >= 0) return static_cast<char>(high * 16 + low);
    }
    fail("an escape in a name must be \\\", \\\\ or \\xNN with lower-case digits");
  }
  bool accept_here(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest_;
  std::size_t number_;
};

std::vector<std::int64_t> integers(const LineReader& line, std::string_view text, char separator) {
  std::vector<std::int64_t> list;
  for (const std::string_view part : split(text, separator)) {
    const std::optional<std::int64_t> number = parse_integer(part);
    if (!number) {
      line.fail(fmt::format("'{}' is no list of integers joined by '{}'", text, separator));
    }
    list.push_back(*number);
  }
  return list;
}

Shape shape_of_text(const LineReader& line, std::string_view text) {
  return text == "scalar" ? Shape{} : integers(line, text, 'x');
}

void read(const LineReader& line, std::string_view text, std::array<std::int64_t, 2>& extents) {
  const std::vector<std::int64_t> list = integers(line, text, 'x');
  if (list.size() != 2) line.fail(fmt::format("'{}' must be two numbers joined by 'x'", text));
  extents = {list[0], list[1]};
}
void read(const LineReader& line, std::string_view text, Padding& padding) {
  const std::vector<std::int64_t> list = integers(line, text, ',');
  if (list.size() != 4) line.fail(fmt::format("'{}' must be top,left,bottom,right", text));
  padding = {list[0], list[1], list[2], list[3]};
}
void read(const LineReader& line, std::string_view text, std::vector<std::int64_t>& list) {
  list = integers(line, text, ',');
}
void read(const LineReader& line, std::string_view text, std::int64_t& value) {
  const std::optional<std::int64_t> number = parse_integer(text);
  if (!number) line.fail(fmt::format("'{}' is no integer", text));
  value = *number;
}
void read(const LineReader& line, std::string_view text, double& value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::optional<double> number = text == "inf"    ? std::optional<double>(kInfinity)
                                       : text == "-inf" ? std::optional<double>(-kInfinity)
                                                        : parse_number(text);
  if (!number) line.fail(fmt::format("'{}' is no number", text));
  value = *number;
}
void read(const LineReader& line, std::string_view text, bool& value) {
  if (text != "true" && text != "false") {
    line.fail(fmt::format("'{}' must be true or false", text));
  }
  value = text == "true";
}

/// Collects the nodes line by line.
class GraphReader {
 public:
  void read_line(std::string_view text, std::size_t number) {
    LineReader line(text, number);
    if (!named_) {
      if (line.word("'network NAME'") != "network") line.fail("expected 'network NAME'");
      graph_.name = line.name("the network's name");
      named_ = true;
      end_of(line);
      return;
    }
    if (ended_) line.fail("nothing may follow the line 'output NAME'");
    const std::string name = line.name("a node's name");
    if (line.accept("=")) {
      read_node(line, name);
    } else if (name == "output") {
      graph_.output = node_named(line, line.name("the output node's name"));
      ended_ = true;
      end_of(line);
    } else {
      line.fail(fmt::format("expected '{} = operator(inputs)' or 'output NAME'", quoted(name)));
    }
  }

  Graph finish(std::size_t last_line) && {
    if (!ended_) LineReader("", last_line).fail("the line 'output NAME' is missing at the end");
    check_structure(graph_);
    return std::move(graph_);
  }

 private:
  static void end_of(LineReader& line) {
    if (!line.at_end()) line.fail("unexpected text at the end of the line");
  }
  [[nodiscard]] NodeIndex node_named(const LineReader& line, const std::string& name) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) {
      line.fail(fmt::format("no earlier node is called {}", quoted(name)));
    }
    return found->second;
  }

  void read_node(LineReader& line, const std::string& name) {
    Node node;
    node.name = name;
    const std::string_view word = line.word("an operator");
    const std::optional<Op> op = op_from_name(word);
    if (!op) line.fail(fmt::format("'{}' is no operator", word));
    node.op = *op;
    if (graph_.nodes.empty() != (node.op == Op::input)) {
      line.fail("the first node, and no other, must be the input");
    }
    line.expect("(");
    while (!line.accept(")")) {
      if (!node.inputs.empty()) line.expect(",");
      node.inputs.push_back(node_named(line, line.name("a node's name or ')'")));
    }
    read_details(line, node);
    if (!by_name_.emplace(name, graph_.nodes.size()).second) {
      line.fail(fmt::format("a second node is called {}", quoted(name)));
    }
    graph_.nodes.push_back(std::move(node));
  }

  /// Attributes, weights and shape of a node, whose shape is then inferred.
  void read_details(LineReader& line, Node& node) const {
    std::optional<Shape> stated;
    while (!stated && !line.at_end()) {
      if (line.accept("->")) {
        line.skip_spaces();
        stated = shape_of_text(line, line.value("a shape"));
      } else {
        read_detail(line, node);
      }
    }
    end_of(line);
    try {
      node.output_shape = output_shape_of(graph_, node);
    } catch (const Error& error) {
      line.fail(error.what());
    }
    if (stated && *stated != node.output_shape) {
      line.fail(fmt::format("the shape is {}, but inference gives {}", to_string(*stated),
                            to_string(node.output_shape)));
    }
  }

  static void read_detail(LineReader& line, Node& node) {
    const std::string_view word = line.word("an attribute, a weight or '->'");
    if (line.accept(":")) {
      const Shape shape = shape_of_text(line, line.value("a weight's shape"));
      if (!node.weight_shapes.emplace(word, shape).second) {
        line.fail(fmt::format("weight '{}' is there twice", word));
      }
      return;
    }
    line.expect("=");
    const std::string_view text = line.value("a value");
    bool known = false;
    visit_attributes([&](std::string_view attribute, auto member) {
      if (attribute != word) return;
      read(line, text, node.attributes.*member);
      known = true;
    });
    if (!known) line.fail(fmt::format("'{}' is no attribute", word));
  }

  Graph graph_;
  std::map<std::string, NodeIndex> by_name_;
  bool named_ = false;
  bool ended_ = false;
};

}  // namespace

std::string print_graph(const Graph& graph) {
  const Attributes usual;
  std::string text = fmt::format("network {}\n", quoted(graph.name));
  const bool inferred = !graph.nodes.empty() && !graph.nodes[0].output_shape.empty();
  for (const Node& node : graph.nodes) {
    text += fmt::format("{} = {}(", quoted(node.name), op_name(node.op));
    for (std::size_t input = 0; input < node.inputs.size(); ++input) {
      if (input > 0) text += ", ";
      text += quoted(graph.nodes[node.inputs[input]].name);
    }
    text += ")";
    visit_attributes([&](std::string_view word, auto member) {
      if (node.attributes.*member == usual.*member) return;
      text += fmt::format(" {}={}", word, text_of(node.attributes.*member));
    });
    for (const auto& [role, shape] : node.weight_shapes) {
      text += fmt::format(" {}:{}", role, to_string(shape));
    }
    if (inferred) text += fmt::format(" -> {}", to_string(node.output_shape));
    text += "\n";
  }
  if (graph.output < graph.nodes.size()) {
    text += fmt::format("output {}\n", quoted(graph.nodes[graph.output].name));
  }
  return text;
}

Result<Graph> parse_graph(std::string_view text) {
  try {
    GraphReader reader;
    std::size_t number = 0;
    for (std::string_view line : split(text, '\n')) {
      ++number;
      if (line.ends_with('\r')) line.remove_suffix(1);
      const std::string_view content = trim(line);
      if (!content.empty() && content[0] != '#') reader.read_line(content, number);
    }
    return std::move(reader).finish(number);
  } catch (const Error& error) {
    return refusal(error.what());
  }
}

}  // namespace wbs::networks
