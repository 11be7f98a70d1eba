#include "config/price_file.hpp"

#include "config/ticket_fields.hpp"
#include "config/values.hpp"
#include "config/yaml_document.hpp"
#include "messages/error.hpp"
#include "messages/text_file.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace swarm::embedded {
extern const std::vector<text_file> price_files;
}

namespace swarm::config {

namespace {

constexpr std::size_t decimals_max = 6;
constexpr std::int64_t million = 1'000'000;
constexpr std::int64_t dollars_max = 1'000'000;

/// "0.125" as 125'000.
std::optional<std::int64_t> parse_millionths(std::string_view text) {
  const auto point = std::min(text.find('.'), text.size());
  const auto whole = text.substr(0, point);
  const auto part = text.substr(std::min(point + 1, text.size()));
  const auto is_number = [](std::string_view x) {
    return !x.empty() && x.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!is_number(whole) || (point < text.size() && !is_number(part)) || whole.size() > 7 || part.size() > decimals_max)
    return std::nullopt;
  auto digits = std::string{whole} + std::string{part} + std::string(decimals_max - part.size(), '0');
  std::int64_t result = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), result);
  return result <= dollars_max * million ? std::optional{result} : std::nullopt;
}

std::optional<std::chrono::sys_days> parse_day(const std::string& text) {
  int y = 0;
  unsigned m = 0, d = 0;
  char rest = 0;
  if (text.size() != 10 || std::sscanf(text.c_str(), "%4d-%2u-%2u%c", &y, &m, &d, &rest) != 3)
    return std::nullopt;
  const std::chrono::year_month_day day{std::chrono::year{y}, std::chrono::month{m}, std::chrono::day{d}};
  return day.ok() ? std::optional{std::chrono::sys_days{day}} : std::nullopt;
}

class price_reader {
public:
  price_reader(std::string source, problems& found) : source_(std::move(source)), found_(found) {}

  price_table read(const YAML::Node& root) {
    if (!root.IsMap())
      report(root, "a price file is a map from models to lists of prices");
    else
      for (const auto& item : root)
        read_model(item.first, item.second);
    if (auto checked = check_prices(table_); !checked)
      found_.push_back({source_, 0, 0, render(checked.error())});
    return std::move(table_);
  }

private:
  void report(const YAML::Node& at, std::string text) { found_.push_back(problem_at(source_, at, std::move(text))); }

  void read_model(const YAML::Node& key, const YAML::Node& rows) {
    if (!rows.IsSequence() || rows.size() == 0)
      return report(key, in_quotes(key.Scalar()) + " needs a list of prices, as in [{from: 2026-09-22, input: 4, ...}]");
    for (const auto& row : rows) {
      if (!row.IsMap())
        report(row, "a price must be a map, as in {from: 2026-09-22, input: 4, ...}");
      else
        read_row(key.Scalar(), row);
    }
  }

  void read_row(const std::string& model, const YAML::Node& row) {
    price_row result;
    result.model = model;
    const std::array<std::pair<std::string_view, std::int64_t*>, 5> prices{{{"input", &result.input},
                                                                           {"output", &result.output},
                                                                           {"cache_write_5m", &result.cache_write_5m},
                                                                           {"cache_write_1h", &result.cache_write_1h},
                                                                           {"cache_read", &result.cache_read}}};
    std::vector<std::string_view> known{"from", "prompt_over", "batch"};
    for (const auto& [name, price] : prices) {
      known.push_back(name);
      const auto value = row[std::string{name}];
      const auto read = value && value.IsScalar() ? parse_millionths(value.Scalar()) : std::nullopt;
      if (!read)
        report(value ? value : row, in_quotes(model) + ": " + std::string{name}
                                      + " must be dollars per million tokens, with at most six decimals, as in 0.125");
      *price = read.value_or(0);
    }
    read_place(row, result);
    for (const auto& item : row)
      if (std::find(known.begin(), known.end(), item.first.Scalar()) == known.end())
        report(item.first, in_quotes(model) + ": " + describe_unknown_key(item.first.Scalar(), known));
    table_.push_back(std::move(result));
  }

  void read_place(const YAML::Node& row, price_row& result) {
    const auto from = row["from"];
    const auto day = from && from.IsScalar() ? parse_day(from.Scalar()) : std::nullopt;
    if (!day)
      report(from ? from : row, in_quotes(result.model) + ": from must be a day, as in 2026-09-22");
    result.effective_from = day.value_or(std::chrono::sys_days{});
    if (const auto batch = row["batch"]) {
      const auto part = batch.IsScalar() ? parse_millionths(batch.Scalar()).value_or(0) : 0;
      if (part > 0 && part <= million)
        result.batch_millionths = part;
      else
        report(batch, in_quotes(result.model) + ": batch must be the part of the prices that a batch pays, as in 0.5");
    }
    const auto over = row["prompt_over"];
    if (!over)
      return;
    const auto tokens = over.IsScalar() ? parse_millionths(over.Scalar()).value_or(-1) : -1;
    if (tokens % million != 0)
      report(over, in_quotes(result.model) + ": prompt_over must be a number of tokens up to 1000000");
    result.prompt_tokens_over = tokens / million;
  }

  std::string source_;
  problems& found_;
  price_table table_;
};

} // namespace

std::optional<price_table> load_prices(const std::filesystem::path& file, problems& found) {
  const auto found_before = found.size();
  const auto document = file.empty() ? parse_yaml(embedded::price_files.front().text, "the program's own prices", found)
                                     : read_yaml(file, found);
  if (!document)
    return std::nullopt;
  if (!document->root.IsDefined()) {
    found.push_back({document->source, 0, 0, "holds no prices, only comments or blank lines"});
    return std::nullopt;
  }
  auto result = price_reader{document->source, found}.read(document->root);
  return found.size() == found_before ? std::optional{std::move(result)} : std::nullopt;
}

} // namespace swarm::config
