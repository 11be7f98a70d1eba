#include "runtime/log.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace swarm::runtime {

namespace {

using facts = std::vector<std::pair<std::string, std::string>>;

bool is_key(std::string_view x) {
  return !x.empty() && x.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789.") == std::string_view::npos;
}

/// Takes the last fact off the sentence, if it ends with one.
std::optional<std::pair<std::string, std::string>> take_last_fact(std::string_view& sentence) {
  std::string value;
  std::size_t equals = std::string_view::npos;
  if (sentence.ends_with('"')) {
    equals = sentence.rfind("=\"", sentence.size() - 2);
    if (equals == std::string_view::npos)
      return std::nullopt;
    for (std::size_t i = equals + 2; i + 1 < sentence.size(); ++i) {
      if (sentence[i] == '\\' && i + 2 < sentence.size())
        ++i;
      value.push_back(sentence[i]);
    }
  } else {
    equals = sentence.rfind('=');
    if (equals == std::string_view::npos || sentence.find(' ', equals) != std::string_view::npos)
      return std::nullopt;
    value = sentence.substr(equals + 1);
    // A parenthesis belongs to the sentence, as in "Heartbeat started (interval=30000ms, stale=5min)".
    if (value.find_first_of("()\"") != std::string::npos)
      return std::nullopt;
  }
  auto space = sentence.rfind(' ', equals);
  auto key = sentence.substr(space == std::string_view::npos ? 0 : space + 1, equals - (space + 1));
  if (space == std::string_view::npos || !is_key(key))
    return std::nullopt;
  std::pair<std::string, std::string> result{std::string{key}, std::move(value)};
  sentence = sentence.substr(0, space);
  return result;
}

nlohmann::ordered_json as_json(const std::string& value) {
  std::int64_t number = 0;
  auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failure == std::errc{} && end == value.data() + value.size())
    return number;
  return value;
}

class json_formatter final : public spdlog::formatter {
public:
  void format(const spdlog::details::log_msg& x, spdlog::memory_buf_t& out) override {
    spdlog::memory_buf_t at;
    time_.format(x, at);
    auto level = spdlog::level::to_string_view(x.level);
    auto line = json_line(std::string{at.data(), at.size()}, std::string{level.data(), level.size()},
                          std::string{x.logger_name.data(), x.logger_name.size()},
                          std::string{x.payload.data(), x.payload.size()});
    out.append(line.data(), line.data() + line.size());
    out.push_back('\n');
  }

  std::unique_ptr<formatter> clone() const override { return std::make_unique<json_formatter>(); }

private:
  spdlog::pattern_formatter time_{"%Y-%m-%dT%H:%M:%S.%eZ", spdlog::pattern_time_type::utc, ""};
};

/// Whatever ends up in a line: the sentence of somebody else's library, or the last words of a program.
class redacting_formatter final : public spdlog::formatter {
public:
  redacting_formatter(std::unique_ptr<formatter> inner, std::shared_ptr<const redact::redactor> redactor)
    : inner_(std::move(inner)), redactor_(std::move(redactor)) {}

  void format(const spdlog::details::log_msg& x, spdlog::memory_buf_t& out) override {
    auto sentence = redactor_->redact({x.payload.data(), x.payload.size()});
    auto safe = x;
    safe.payload = {sentence.data(), sentence.size()};
    inner_->format(safe, out);
    // The colours' place is found while the line is written.
    x.color_range_start = safe.color_range_start;
    x.color_range_end = safe.color_range_end;
  }

  std::unique_ptr<formatter> clone() const override {
    return std::make_unique<redacting_formatter>(inner_->clone(), redactor_);
  }

private:
  std::unique_ptr<formatter> inner_;
  std::shared_ptr<const redact::redactor> redactor_;
};

std::unique_ptr<spdlog::formatter> make_formatter(const std::string& format) {
  if (format == "json")
    return std::make_unique<json_formatter>();
  return std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %n: %v",
                                                     spdlog::pattern_time_type::utc);
}

spdlog::level::level_enum level_of(const std::string& name) {
  return spdlog::level::from_str(name == "warn" ? "warning" : name);
}

} // namespace

std::string json_line(const std::string& at, const std::string& level, const std::string& component,
                      const std::string& sentence) {
  std::string_view rest = sentence;
  facts found;
  while (auto x = take_last_fact(rest))
    found.insert(found.begin(), std::move(*x));
  if (!found.empty() && rest.ends_with(':'))
    rest.remove_suffix(1);
  nlohmann::ordered_json line{{"at", at}, {"level", level}, {"component", component}, {"message", std::string{rest}}};
  for (auto& [key, value] : found)
    line[key] = as_json(value);
  // Output of commands may be quoted in a sentence, in any encoding.
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

caf::expected<void> set_up_logging(const config::log_config& config, const std::filesystem::path& file,
                                   log_terminal terminal, std::shared_ptr<const redact::redactor> redactor) {
  std::vector<spdlog::sink_ptr> sinks;
  auto path = config.file.empty() ? file : config.file;
  // spdlog counts the files that are put aside.
  auto files_aside = static_cast<std::size_t>(config.files_max - 1);
  try {
    sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
      path.string(), config.file_size_max, files_aside));
  } catch (const spdlog::spdlog_ex& e) {
    return make_error(errc::io_failed, "cannot open the log file " + path.string() + ": " + e.what());
  }
  if (terminal == log_terminal::everything)
    sinks.push_back(std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  for (auto& x : sinks) {
    auto formatter = make_formatter(config.format);
    if (redactor)
      formatter = std::make_unique<redacting_formatter>(std::move(formatter), redactor);
    x->set_formatter(std::move(formatter));
  }
  // Whoever can't write a log line has nowhere to say so.
  spdlog::set_error_handler([](const std::string&) {});
  spdlog::drop_all();
  auto root = std::make_shared<spdlog::logger>("swarm", sinks.begin(), sinks.end());
  root->set_level(level_of(config.level));
  root->flush_on(spdlog::level::info);
  root->set_error_handler([](const std::string&) {});
  spdlog::set_default_logger(root);
  for (auto& [component, level] : config.levels) {
    auto own = root->clone(component);
    own->set_level(level_of(level));
    spdlog::register_logger(own);
  }
  return caf::unit;
}

} // namespace swarm::runtime
