#pragma once

#include "runtime/executors/agent_cli/agent_cli_executor.hpp"

#include "tests/fixtures/scratch_folder.hpp"
#include "tests/runtime/command_fixture.hpp"

#include <nlohmann/json.hpp>

#include <future>
#include <sstream>

/// The executor of agents with a fake agent under each of their names.
namespace swarm::executors {

struct agent_cli_fixture {
  agent_cli_fixture() {
    for (auto name : {"bin", "work", "attempts"})
      std::filesystem::create_directory(folder.path() / name);
    for (auto name : {"claude", "codex", "gemini", "other"})
      std::filesystem::create_symlink(SWARM_SOURCE_DIR "/tests/fixtures/fake_agent", folder.path() / "bin" / name);
    memory_events = folder.write("memory.events", "low 0\noom_kill 2\n");
    settings.ladder = {50ms, 50ms};
    settings.environment = {{"PATH", (folder.path() / "bin").string() + ":/usr/bin:/bin"},
                            {"FAKE_AGENT_LOG", (folder.path() / "log").string()},
                            {"FAKE_AGENT_PROMPT", (folder.path() / "prompt").string()},
                            {"FAKE_AGENT_MEMORY_EVENTS", memory_events.string()}};
    settings.working_directory = (folder.path() / "work").string();
    settings.attempts_folder = folder.path() / "attempts";
    settings.output_file_bytes_max = settings.outputs_bytes_max = 64u << 20;
    settings.after_result = 50ms;
    settings.memory_events = memory_events;
    ticket.claim = {ticket_id{7}, fence{41}};
  }

  /// The settings count until the first start.
  void start(const std::string& agent, const std::string& mode, const nlohmann::json& more = nlohmann::json::object()) {
    if (!it)
      it = std::make_unique<agent_cli_executor>(settings);
    nlohmann::json payload{{"agent", agent}, {"prompt", "Do it."}, {"environment", {{"FAKE_AGENT_MODE", mode}}}};
    if (agent == "generic")
      payload["argv"] = {"other", "--fake-dialect=claude"};
    payload.merge_patch(more);
    ticket.payload = payload.dump();
    ++ticket.claim.fence.value;
    promised = {};
    ended = promised.get_future();
    running = it->start(ticket, [this](outcome x) { promised.set_value(std::move(x)); });
  }

  /// As with a new node; the settings count again.
  void restart() {
    running.reset();
    it.reset();
  }

  outcome wait() {
    if (ended.wait_for(deadline) != std::future_status::ready)
      throw std::runtime_error("the attempt didn't end");
    return ended.get();
  }

  outcome run(const std::string& agent, const std::string& mode,
              const nlohmann::json& more = nlohmann::json::object()) {
    start(agent, mode, more);
    return wait();
  }

  /// Lets it say when it has begun to wait.
  nlohmann::json with_post() const { return {{"environment", {{"FAKE_AGENT_POST", post.path}}}}; }

  std::string text_of(const std::filesystem::path& name) const {
    std::ostringstream result;
    result << std::ifstream{folder.path() / name}.rdbuf();
    return result.str();
  }

  /// Of the attempt that was started last.
  std::string transcript() const {
    return text_of(std::filesystem::path{"attempts"} / "outputs" / ("7-" + to_string(ticket.claim.fence)));
  }

  /// The rest of the argument that begins so, of the run that was started last; then forgets it.
  std::string argument(const std::string& beginning) {
    auto all = "\n" + text_of("log");
    std::filesystem::remove(folder.path() / "log");
    const auto at = all.find("\n" + beginning);
    if (at == std::string::npos)
      return "none";
    all.erase(0, at + 1 + beginning.size());
    return all.substr(0, all.find('\n'));
  }

  test::scratch_folder folder;
  std::filesystem::path memory_events;
  signpost post;
  agent_cli_settings settings;
  claimed_ticket ticket;
  std::promise<outcome> promised;
  std::future<outcome> ended;
  std::unique_ptr<agent_cli_executor> it;
  std::unique_ptr<execution> running; ///< Goes before the executor that it needs.
};

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace swarm::executors
