#include "runtime/executors/agent_cli/agent_adapter.hpp"

#include "runtime/executors/agent_cli/json_line.hpp"

#include <algorithm>

namespace swarm::executors {

namespace {

std::vector<std::string> make_argv(const agent_payload& x, const agent_session&) {
  return x.argv;
}

void consume(std::string_view line, agent_report& report) {
  if (line.find_first_not_of(" \t\r") != std::string_view::npos)
    report.last_text = cut(line, agent_report::text_bytes_max);
  std::replace(report.last_text.begin(), report.last_text.end(), '\0', ' ');
}

void at_exit(std::int32_t exit_code, agent_report& report) {
  if (exit_code < 0 || exit_code > 125)
    return;
  report.ended = true;
  report.ok = exit_code == 0;
  report.subtype = report.ok ? "success" : "exit code " + std::to_string(exit_code);
  report.result = report.last_text;
}

} // namespace

const agent_adapter generic_adapter{
  .name = "generic",
  .argv = make_argv,
  .consume = consume,
  .at_exit = at_exit,
};

} // namespace swarm::executors
