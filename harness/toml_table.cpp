// The sections of an experiment file that define its tables: [published] and [[table]].
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/text.hpp"
#include "harness/toml_reader.hpp"
#include "harness/values.hpp"

namespace wbs::harness {
namespace {

/// The index of `text` among `choices`; reports an unknown one.
std::optional<std::size_t> choose(const TomlTable& table, std::string_view key,
                                  const std::vector<std::string>& choices) {
  const std::optional<std::string> text = table.text(key);
  if (!text) return std::nullopt;
  const auto found = std::find(choices.begin(), choices.end(), *text);
  if (found == choices.end()) {
    table.error(key, fmt::format("unknown {} '{}'{}; known: {}", key, *text,
                                 suggestion(*text, choices), fmt::join(choices, ", ")));
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - choices.begin());
}

/// Names of known parameters under `key`.
std::vector<std::string> parameters_of(const TomlTable& table, std::string_view key,
                                       const ReadContext& context) {
  std::vector<std::string> names;
  for (const LocatedName& name : table.texts(key)) {
    if (!context.check_parameter(name)) continue;
    if (std::find(names.begin(), names.end(), name.name) != names.end()) {
      table.error(name.where, fmt::format("'{}' is listed twice", name.name));
      continue;
    }
    names.push_back(name.name);
  }
  return names;
}

void read_published_row(const TomlTable& table, const toml::node& node, const ReadContext& context,
                        PublishedSet& set) {
  const toml::array* elements = node.as_array();
  const std::size_t width = set.keys.size() + set.values.size();
  if (elements == nullptr || elements->size() != width) {
    table.error(table.where(node),
                fmt::format("a row must be a list of {} values: {}, {}", width,
                            fmt::join(set.keys, ", "), fmt::join(set.values, ", ")));
    return;
  }
  PublishedSet::Row row;
  for (std::size_t i = 0; i < width; ++i) {
    const toml::node& element = *elements->get(i);
    const Location where = table.where(element);
    const Result<Value> value = scalar_of(element);
    if (!value) {
      table.error(where, value.error());
      return;
    }
    if (i < set.keys.size()) {
      row.keys.push_back(context.checked(set.keys[i], {*value, where}));
    } else {
      row.values.push_back(*value);
    }
  }
  const auto same = [&](const PublishedSet::Row& other) { return other.keys == row.keys; };
  if (std::any_of(set.rows.begin(), set.rows.end(), same)) {
    table.error(table.where(node), "an earlier row has the same keys");
    return;
  }
  set.rows.push_back(std::move(row));
}

void read_published_set(const TomlTable& table, const std::string& name,
                        const ReadContext& context) {
  table.allow({"source", "keys", "values", "rows"});
  PublishedSet set;
  set.name = name;
  set.source = table.text("source").value_or("");
  if (set.source.empty()) table.error("source", "published values need a 'source'");
  set.keys = parameters_of(table, "keys", context);
  for (LocatedName& value : table.texts("values")) set.values.push_back(std::move(value.name));
  if (set.keys.empty()) table.error("keys", "'keys' must list the parameters that key the rows");
  if (set.values.empty()) table.error("values", "'values' must name the value columns");
  const toml::array* rows = table.list("rows");
  if (rows == nullptr) {
    if (!table.has("rows")) table.error("rows", "missing 'rows'");
  } else if (!set.keys.empty() && !set.values.empty()) {
    for (const toml::node& row : *rows) read_published_row(table, row, context, set);
  }
  context.experiment.published.push_back(std::move(set));
}

/// "stage.metric" into `value`.
void read_metric(const TomlTable& table, std::string_view key, const std::string& text,
                 const Location& where, const ReadContext& context, TableValue& value) {
  std::vector<std::string> stages;
  stages.reserve(context.experiment.stages.size());
  for (const LocatedName& stage : context.experiment.stages) stages.push_back(stage.name);
  const std::size_t dot = text.find('.');
  value.stage = text.substr(0, dot);
  value.metric = dot == std::string::npos ? "" : text.substr(dot + 1);
  if (value.metric.empty() || value.stage.empty()) {
    table.error(where, fmt::format("{} '{}' is not STAGE.METRIC", key, text));
  } else if (std::find(stages.begin(), stages.end(), value.stage) == stages.end() &&
             context.registry.find(value.stage) == nullptr) {
    table.error(where, fmt::format("unknown stage '{}' in '{}'{}; stages: {}", value.stage, text,
                                   suggestion(value.stage, stages), fmt::join(stages, ", ")));
  } else if (std::find(stages.begin(), stages.end(), value.stage) == stages.end() &&
             !stages.empty()) {
    table.error(where, fmt::format("'{}': the experiment does not run stage '{}'; it runs: {}",
                                   text, value.stage, fmt::join(stages, ", ")));
  }
}

/// "set.column" into `value`.
void read_published_reference(const TomlTable& table, std::string_view key,
                              const ReadContext& context, TableValue& value) {
  const std::optional<std::string> text = table.text(key);
  if (!text) return;
  std::vector<std::string> choices;
  for (const PublishedSet& set : context.experiment.published) {
    for (const std::string& column : set.values) choices.push_back(set.name + "." + column);
  }
  if (std::find(choices.begin(), choices.end(), *text) == choices.end()) {
    table.error(key, fmt::format("unknown published value '{}'{}; known: {}", *text,
                                 suggestion(*text, choices), fmt::join(choices, ", ")));
    return;
  }
  const std::size_t dot = text->rfind('.');
  value.published_set = text->substr(0, dot);
  value.published_value = text->substr(dot + 1);
}

void read_baseline(const TomlTable& table, const ReadContext& context, TableValue& value) {
  const std::optional<TomlTable> baseline = table.table("baseline");
  if (baseline) {
    for (const TomlTable::Entry& entry : baseline->entries()) {
      if (!context.check_parameter(entry.name)) continue;
      const Location where = baseline->where(*entry.node);
      const Result<Value> scalar = scalar_of(*entry.node);
      if (!scalar) {
        table.error(where, fmt::format("'{}': {}", entry.name.name, scalar.error()));
        continue;
      }
      value.baseline[entry.name.name] = context.checked(entry.name.name, {*scalar, where});
    }
    if (baseline->entries().empty()) table.error("baseline", "'baseline' names no parameter");
  }
  constexpr Comparison kComparisons[] = {Comparison::speedup, Comparison::ratio,
                                         Comparison::difference, Comparison::percent};
  if (const auto chosen = choose(table, "compare", {"speedup", "ratio", "difference", "percent"})) {
    value.comparison = kComparisons[*chosen];
  }
  if (table.has("compare") && !baseline) table.error("compare", "'compare' needs a 'baseline'");
}

void read_number_style(const TomlTable& table, TableValue& value) {
  constexpr NumberFormat kFormats[] = {NumberFormat::general, NumberFormat::fixed,
                                       NumberFormat::scientific};
  if (const auto chosen = choose(table, "format", {"general", "fixed", "scientific"})) {
    value.format = kFormats[*chosen];
  }
  if (const auto digits = table.integer("digits")) {
    if (*digits < 0 || *digits > 17) {
      table.error("digits", fmt::format("'digits' must be from 0 to 17, found {}", *digits));
    } else {
      value.digits = static_cast<int>(*digits);
    }
  }
  if (const auto scale = table.number("scale")) {
    value.scale = *scale;
    if (*scale == 0.0) table.error("scale", "'scale' must not be 0");
  }
  value.unit = table.text("unit").value_or("");
}

TableValue read_value(const TomlTable& table, const ReadContext& context) {
  table.allow({"name", "header", "metric", "published", "deviation", "baseline", "compare",
               "format", "digits", "scale", "unit"});
  TableValue value;
  value.where = table.where();
  if (const auto metric = table.text("metric")) {
    read_metric(table, "metric", *metric, table.where("metric"), context, value);
  }
  if (table.has("published") && table.has("deviation")) {
    table.error("deviation", "give either 'published' (both values) or 'deviation' (percent)");
  }
  read_published_reference(table, "published", context, value);
  if (table.has("deviation")) {
    read_published_reference(table, "deviation", context, value);
    value.deviation = true;
  }
  if (!table.has("metric") && (value.deviation || !table.has("published"))) {
    table.error(value.where, "a value needs a 'metric' (STAGE.METRIC) or 'published' (SET.COLUMN)");
  }
  read_baseline(table, context, value);
  if (value.deviation) {
    value.format = NumberFormat::fixed;
    value.digits = 1;
    value.unit = "%";
  }
  read_number_style(table, value);
  if (value.deviation && value.unit.empty()) value.unit = "%";
  value.name =
      table.text("name").value_or(value.metric.empty() ? value.published_value : value.metric);
  value.header = table.text("header").value_or(value.name);
  return value;
}

/// The values listed under `key`.
std::vector<TableValue> read_values(const TomlTable& table, std::string_view key,
                                    const ReadContext& context) {
  std::vector<TableValue> values;
  const toml::array* elements = table.list(key);
  if (elements == nullptr) return values;
  for (const toml::node& element : *elements) {
    if (const auto* text = element.as_string()) {
      TableValue value;
      value.where = table.where(element);
      read_metric(table, "value", text->get(), value.where, context, value);
      value.name = value.header = value.metric;
      values.push_back(std::move(value));
    } else if (const toml::table* inner = element.as_table()) {
      values.push_back(read_value(table.view(*inner, fmt::format("[[table.{}]]", key)), context));
    } else {
      table.error(table.where(element), fmt::format("a value is STAGE.METRIC or a table, found {}",
                                                    node_phrase(element)));
    }
  }
  if (elements->empty()) table.error(key, fmt::format("'{}' is empty", key));
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!values[i].name.empty() && values[i].name == values[j].name) {
        table.error(values[i].where, fmt::format("value '{}' appears twice: give one another "
                                                 "'name'",
                                                 values[i].name));
      }
    }
  }
  return values;
}

/// Checks the names in the caption: parameters, or STAGE.METRIC.
void check_caption(const TomlTable& table, const ReadContext& context, const TableSpec& spec) {
  for (const CaptionPart& part : parse_caption(spec.caption)) {
    if (!part.is_name) continue;
    if (part.text.find('.') == std::string::npos) {
      if (std::find(context.known.begin(), context.known.end(), part.text) == context.known.end()) {
        table.error("caption", fmt::format("unknown parameter '{{{}}}' in the caption{}", part.text,
                                           suggestion(part.text, context.known)));
      }
      continue;
    }
    TableValue ignored;
    read_metric(table, "caption's metric", part.text, table.where("caption"), context, ignored);
  }
}

void read_headers(const TomlTable& table, const ReadContext& context, TableSpec& spec) {
  const std::optional<TomlTable> headers = table.table("headers");
  if (!headers) return;
  for (const TomlTable::Entry& entry : headers->entries()) {
    if (!context.check_parameter(entry.name)) continue;
    if (const auto header = headers->text(entry.name.name)) {
      spec.headers[entry.name.name] = *header;
    }
  }
}

void read_display(const TomlTable& table, const ReadContext& context, TableSpec& spec) {
  const std::optional<TomlTable> display = table.table("display");
  if (!display) return;
  for (const TomlTable::Entry& entry : display->entries()) {
    if (!context.check_parameter(entry.name)) continue;
    const std::optional<TomlTable> texts = display->table(entry.name.name);
    if (!texts) continue;
    for (const TomlTable::Entry& text : texts->entries()) {
      if (const auto shown = texts->text(text.name.name)) {
        spec.display[entry.name.name][text.name.name] = *shown;
      }
    }
  }
}

void read_shape(const TomlTable& table, const ReadContext& context, TableSpec& spec) {
  spec.rows = parameters_of(table, "rows", context);
  spec.columns = parameters_of(table, "columns", context);
  spec.over = parameters_of(table, "over", context);
  if (!table.has("rows")) table.error("rows", "a table needs 'rows': the parameters of its lines");
  const auto check_apart = [&](const std::vector<std::string>& left,
                               const std::vector<std::string>& right, std::string_view key) {
    for (const std::string& name : right) {
      if (std::find(left.begin(), left.end(), name) != left.end()) {
        table.error(key, fmt::format("'{}' is also in another of rows, columns, over", name));
      }
    }
  };
  check_apart(spec.rows, spec.columns, "columns");
  check_apart(spec.rows, spec.over, "over");
  check_apart(spec.columns, spec.over, "over");
  // An axis that only --set brought splits the lines instead of mixing them up.
  std::size_t front = 0;
  for (const std::string& added : context.experiment.added_axes) {
    const auto in = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), added) != names.end();
    };
    if (!in(spec.rows) && !in(spec.columns) && !in(spec.over)) {
      spec.rows.insert(spec.rows.begin() + static_cast<std::ptrdiff_t>(front++), added);
    }
  }
}

void read_table(const TomlTable& table, const ReadContext& context) {
  table.allow({"name", "title", "caption", "rows", "columns", "over", "row_values", "values",
               "where", "headers", "display"});
  TableSpec spec;
  spec.location = table.where();
  spec.name = table.text("name").value_or("");
  if (spec.name.empty() ||
      spec.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_-") != std::string::npos) {
    table.error("name",
                "a table needs a 'name' of letters, digits, '_' and '-': its files are "
                "called after it");
  }
  for (const TableSpec& other : context.experiment.tables) {
    if (other.name == spec.name) {
      table.error("name", fmt::format("table '{}' is already defined at {}", spec.name,
                                      to_string(other.location)));
    }
  }
  spec.title = table.text("title").value_or(spec.name);
  spec.caption = table.text("caption").value_or("");
  check_caption(table, context, spec);
  read_shape(table, context, spec);
  spec.row_values = read_values(table, "row_values", context);
  spec.values = read_values(table, "values", context);
  if (!table.has("values")) table.error("values", "a table needs 'values'");
  if (const auto where = table.text("where")) {
    if (auto filter = parse_filter(*where, context.known)) {
      spec.where = *std::move(filter);
    } else {
      table.error("where", filter.error());
    }
  }
  read_headers(table, context, spec);
  read_display(table, context, spec);
  context.experiment.tables.push_back(std::move(spec));
}

}  // namespace

void read_published(const TomlTable& root, const ReadContext& context) {
  const std::optional<TomlTable> published = root.table("published");
  if (!published) return;
  for (const TomlTable::Entry& entry : published->entries()) {
    const toml::table* set = entry.node->as_table();
    if (set == nullptr) {
      root.error(entry.name.where,
                 fmt::format("'{}' in [published] must be a table [published.NAME] with source, "
                             "keys, values and rows",
                             entry.name.name));
      continue;
    }
    read_published_set(published->view(*set, fmt::format("[published.{}]", entry.name.name)),
                       entry.name.name, context);
  }
}

void read_tables(const TomlTable& root, const ReadContext& context) {
  for (const TomlTable& table : root.tables("table")) read_table(table, context);
}

}  // namespace wbs::harness
