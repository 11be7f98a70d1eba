#include "runtime/checks/check_plan.hpp"

#include "runtime/checks/diff_check.hpp"
#include "runtime/checks/evidence.hpp"
#include "runtime/checks/model_review.hpp"
#include "runtime/checks/test_report.hpp"
#include "runtime/executors/command/command_signal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <exception>

namespace swarm::checks {

namespace {

constexpr std::uint64_t paths_bytes_max = 4u << 20; // of a diff
constexpr std::size_t output_bytes_kept_max = 1u << 20; // of all checks together; beyond it their ends tell enough
constexpr caf::timespan git_timeout{std::chrono::minutes{5}};

finding judge_command(const check_definition& x, const command_result& ended) {
  auto said = executors::judge_check(x.command, ended);
  const auto verdict = said.end == outcome_class::completed      ? verdict::pass
                       : said.end == outcome_class::check_failed ? verdict::fail
                                                                 : verdict::error;
  return {verdict, std::move(said.evidence), head_and_tail(ended.output)};
}

/// The tests' verdict where there is one to read, or why there is none.
/// @param shown the report without its secrets.
finding judge_tests(const check_definition& x, const command_result& ended, const caf::expected<std::string>& report,
                    const std::string& shown) {
  if (ended.ending != command_ending::exited || ended.exit_code == 126 || ended.exit_code == 127
      || executors::tells_of_a_kill(ended))
    return judge_command(x, ended);
  if (!report)
    return {verdict::error, "there is no report of tests: " + render(report.error()), head_and_tail(ended.output)};
  auto said = judge_test_report(parse_test_report(x.format, *report, shown), ended.exit_code, shown);
  if (!x.report.empty()) // the output says more to people
    said.detail = head_and_tail(ended.output.empty() ? shown : ended.output);
  return said;
}

/// What models that judged have used is part of what the attempt has cost, wherever that stands.
void add_to(nlohmann::json& details, const std::map<std::string, std::int64_t>& usage, std::int64_t cost) {
  const auto add = [](nlohmann::json& where, const std::string& name, std::int64_t number) {
    const auto found = where.find(name);
    if (found == where.end() || found->is_number_integer())
      where[name] = number + (found == where.end() ? 0 : found->get<std::int64_t>());
  };
  if (usage.empty())
    return;
  auto& all = details["usage"];
  if (!all.is_object())
    all = nlohmann::json::object();
  for (auto& [kind, tokens] : usage)
    add(all, kind, tokens);
  add(all.contains("cost_micro_dollars") ? all : details, "cost_micro_dollars", cost);
}

/// JSON in the database holds no NUL.
std::string without_nul(std::string text) {
  for (auto at = text.find('\0'); at != text.npos; at = text.find('\0', at))
    text.replace(at, 1, "\xEF\xBF\xBD");
  return text;
}

/// Whether the node itself looks into the directory for it, or git does.
bool looks_inside(const check_definition& x) {
  return x.kind == check_kind::files || x.kind == check_kind::diff || !x.report.empty() || !x.review.files.empty();
}

/// Whether the directory is still the one that the work began in.
finding find_folder(const work_folder& folder) {
  auto opened = folder.open();
  return opened ? finding{verdict::pass, {}, {}} : finding{verdict::error, render(opened.error()), {}};
}

const char* word(verdict x) {
  return x == verdict::pass ? "pass" : x == verdict::fail ? "fail" : "error";
}

} // namespace

bool is_credential(std::string_view variable) {
  std::string name{variable};
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char x) { return std::toupper(x); });
  for (const auto* part : {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "APIKEY"})
    if (name.find(part) != name.npos)
      return true;
  const auto last_word = std::string_view{name}.substr(name.rfind('_') + 1);
  for (const auto* word : {"KEY", "PASS", "PAT", "AUTH"})
    if (last_word == word)
      return true;
  return false;
}

caf::expected<check_plan> check_plan::make(std::vector<check_definition> checks, check_site site, unsigned seed) {
  for (auto& x : checks)
    if (auto readable = check_patterns(x.diff); !readable)
      return std::move(readable.error());
  std::erase_if(site.environment, [](auto& variable) { return is_credential(variable.first); });
  check_plan result;
  result.notes_.resize(checks.size());
  result.checks_ = std::move(checks);
  result.folder_ = std::make_shared<work_folder>(site.directory);
  result.site_ = std::move(site);
  result.random_.seed(seed);
  return result;
}

demand check_plan::prepare() {
  is_preparing_ = true;
  at_ = 0;
  if (std::none_of(checks_.begin(), checks_.end(), looks_inside))
    return note_next();
  is_holding_ = true;
  return look([path = site_.directory, to = folder_]() -> finding {
    *to = work_folder::hold(path);
    return {verdict::pass, {}, {}};
  });
}

demand check_plan::note_next() {
  auto is_protected = [](auto& rule) { return rule.must_stay; };
  for (; trouble_.empty() && at_ < checks_.size(); ++at_) {
    auto& x = current();
    if (x.kind == check_kind::diff)
      return run(base_program(x.diff), git_timeout);
    if (x.kind == check_kind::files && std::any_of(x.files.begin(), x.files.end(), is_protected))
      return look([where = folder_, rules = x.files, to = notes_[at_].files]() -> finding {
        auto found = note_files(*where, rules);
        if (!found)
          return {verdict::error, render(found.error()), {}};
        *to = std::move(*found);
        return {verdict::pass, {}, {}};
      });
  }
  is_preparing_ = false;
  at_ = 0;
  return {};
}

demand check_plan::next() {
  if (at_ == checks_.size())
    return {};
  auto& x = current();
  switch (x.kind) {
    case check_kind::files:
      return look([where = folder_, rules = x.files, was = notes_[at_].files, redact = site_.redact] {
        return check_files(*where, rules, *was, redact);
      });
    case check_kind::diff: {
      if (!is_ready_)
        return look([where = folder_] { return find_folder(*where); });
      auto result = run(diff_program(notes_[at_].base), git_timeout);
      result.program.output_head_bytes = paths_bytes_max;
      result.program.keeps_raw_output = true;
      return result;
    }
    case check_kind::command: break;
    case check_kind::tests:
      if (!x.report.empty() && !is_ready_)
        return look([where = folder_, path = x.report] { return remove_file(*where, path); });
      break;
    case check_kind::model_review:
      if (reviewed_files_)
        return ask();
      reviewed_files_ = std::make_shared<std::string>();
      return look([where = folder_, paths = x.review.files, to = reviewed_files_, redact = site_.redact]() -> finding {
        *to = files_for_review(*where, paths, redact);
        return paths.empty() ? finding{verdict::pass, {}, {}} : find_folder(*where);
      });
    case check_kind::human: return {};
  }
  auto result = run(x.command, x.timeout);
  result.program.keeps_raw_output = x.kind == check_kind::tests && x.report.empty();
  return result;
}

demand check_plan::run(std::vector<std::string> argv, caf::timespan timeout) const {
  demand result{demand::kind::program};
  auto& x = result.program;
  x.argv = std::move(argv);
  x.working_directory = site_.directory;
  x.environment = site_.environment;
  x.limits = site_.limits;
  x.timeout = timeout;
  x.output_head_bytes = site_.output_head_bytes;
  x.output_tail_bytes = site_.output_tail_bytes;
  return result;
}

demand check_plan::look(std::function<finding()> where) const {
  demand result{demand::kind::look};
  result.look = [where = std::move(where)]() -> finding {
    try {
      return where();
    } catch (const std::exception& e) {
      return {verdict::error, "the check broke: " + std::string{e.what()}, {}};
    }
  };
  return result;
}

demand check_plan::on_ended(const command_result& ended) {
  auto& x = current();
  if (is_preparing_) {
    auto base = read_base(ended);
    if (base)
      notes_[at_++].base = std::move(*base);
    else
      trouble_ = render(base.error());
    return note_next();
  }
  if (x.kind == check_kind::tests)
    return read_report(ended);
  auto said = x.kind == check_kind::diff ? judge_diff_program(ended, x.diff, site_.redact) : judge_command(x, ended);
  const auto output = x.kind == check_kind::diff ? std::string_view{said.detail} : std::string_view{ended.output};
  const auto kept = std::string{output};
  return conclude(std::move(said), kept, x.kind == check_kind::diff ? kept.size() : ended.output_bytes, ended.duration);
}

demand check_plan::read_report(const command_result& ended) {
  auto& x = current();
  if (x.report.empty())
    return conclude(judge_tests(x, ended, std::string{ended.judged_output()}, ended.output), ended.output,
                    ended.output_bytes, ended.duration);
  ended_ = ended;
  return look([where = folder_, x, ended, redact = site_.redact] {
    const auto report = read_file(*where, x.report, report_bytes_max);
    return judge_tests(x, ended, report, report ? redact(*report) : "");
  });
}

demand check_plan::on_found(finding said) {
  if (is_preparing_) {
    const auto has_noted = !std::exchange(is_holding_, false);
    if (said.verdict == verdict::pass)
      at_ += has_noted ? 1 : 0;
    else
      trouble_ = std::move(said.evidence);
    return note_next();
  }
  const auto kind = current().kind;
  if ((kind == check_kind::tests || kind == check_kind::diff) && !is_ready_ && said.verdict == verdict::pass) {
    is_ready_ = true;
    return next();
  }
  if (kind == check_kind::model_review && said.verdict == verdict::pass)
    return next();
  if (is_ready_)
    return conclude(std::move(said), ended_.output, ended_.output_bytes, ended_.duration);
  const auto detail = said.detail;
  return conclude(std::move(said), detail, detail.size(), caf::timespan{0});
}

demand check_plan::ask() const {
  demand result{demand::kind::ask};
  result.question = review_payload(current().review, {site_.redact(site_.spec), evidence_so_far(), *reviewed_files_});
  result.timeout = current().timeout;
  return result;
}

std::string check_plan::evidence_so_far() const {
  std::string result;
  for (auto& x : records_)
    result += to_string(x.kind) + (x.name.empty() ? "" : " " + in_quotes(x.name)) + ": " + x.said.evidence + "\n";
  return result + output_;
}

demand check_plan::on_answered(const outcome& x) {
  add_spending(x.details);
  auto said = read_review(x);
  const auto detail = said.detail;
  return conclude(std::move(said), detail, detail.size(), caf::timespan{0});
}

void check_plan::add_spending(const std::string& details) {
  const auto all = nlohmann::json::parse(details, nullptr, false);
  if (!all.is_object())
    return;
  if (auto cost = all.find("cost_micro_dollars"); cost != all.end() && cost->is_number_integer())
    cost_micro_dollars_ += cost->get<std::int64_t>();
  if (auto usage = all.find("usage"); usage != all.end() && usage->is_object())
    for (auto& [kind, tokens] : usage->items())
      if (tokens.is_number_integer())
        usage_[kind] += tokens.get<std::int64_t>();
}

demand check_plan::conclude(finding said, std::string_view output, std::uint64_t output_bytes, caf::timespan duration) {
  is_ready_ = false;
  reviewed_files_.reset();
  if (said.verdict == verdict::error && repeats_ < site_.repeats_max) {
    ++repeats_;
    return {demand::kind::pause, {}, {}, site_.pause.delay(static_cast<unsigned>(repeats_), random_)};
  }
  if (!output.empty()) {
    if (!output_.empty() && !output_.ends_with('\n'))
      output_ += '\n';
    output_ += "--- check" + (current().name.empty() ? "" : " " + current().name) + " ---\n";
    output_ += output_.size() < output_bytes_kept_max ? std::string{output} : head_and_tail(output);
  }
  output_bytes_ += output_bytes;
  const auto passes = said.verdict == verdict::pass;
  if (passes)
    said.detail.clear();
  records_.push_back({current().kind, current().name, std::move(said), duration, std::exchange(repeats_, 0)});
  if (!passes)
    return {};
  ++at_;
  return next();
}

void check_plan::judge(outcome& x) const {
  x.details = details_with_records(x.details);
  if (!output_.empty())
    x.output += (x.output.empty() || x.output.ends_with('\n') ? "" : "\n") + output_;
  x.output_bytes += output_bytes_;
  if (!records_.empty() && records_.back().said.verdict != verdict::pass) {
    auto& last = records_.back();
    x.end = last.said.verdict == verdict::fail ? outcome_class::check_failed : outcome_class::check_error;
    x.evidence = (last.name.empty() ? "" : "check " + in_quotes(last.name) + ": ") + last.said.evidence;
    return;
  }
  x.end = outcome_class::completed;
  auto add = [&](const std::string& sentence) { x.evidence += (x.evidence.empty() ? "" : "; ") + sentence; };
  if (records_.size() == 1)
    add(records_.front().said.evidence);
  else if (records_.size() > 1)
    add(counted(records_.size(), "check") + " passed");
  if (at_ == checks_.size())
    return;
  x.end = outcome_class::review;
  x.retry_after = current().expires;
  add(current().question.empty() ? "a person must approve it" : current().question);
}

std::string_view check_plan::failure_detail() const {
  return !records_.empty() && records_.back().said.verdict == verdict::fail ? records_.back().said.detail
                                                                            : std::string_view{};
}

std::string check_plan::details_with_records(const std::string& details) const {
  using nlohmann::json;
  auto result = details.empty() ? json::object() : json::parse(details, nullptr, false);
  if (!result.is_object())
    return details;
  result.erase("checks");
  add_to(result, usage_, cost_micro_dollars_);
  for (auto& x : records_) {
    json one{{"kind", to_string(x.kind)},
             {"verdict", word(x.said.verdict)},
             {"evidence", without_nul(x.said.evidence)},
             {"duration_ms", std::chrono::duration_cast<std::chrono::milliseconds>(x.duration).count()}};
    if (!x.name.empty())
      one["name"] = x.name;
    if (!x.said.detail.empty())
      one["detail"] = without_nul(x.said.detail);
    if (x.repeats > 0)
      one["repeats"] = x.repeats;
    result["checks"].push_back(std::move(one));
  }
  return result.empty() ? details : result.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace swarm::checks
