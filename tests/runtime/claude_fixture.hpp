#pragma once

#include "runtime/executors/claude/claude_executor.hpp"
#include "runtime/executors/http/http_client.hpp"
#include "tests/fixtures/scratch_folder.hpp"
#include "tests/runtime/claude_script.hpp"

#include <future>
#include <memory>
#include <stdexcept>

namespace swarm::test {

inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Attempts at a scripted API.
struct claude_fixture {
  std::shared_ptr<executors::http_client> client = std::make_shared<executors::http_client>();
  scratch_folder folder;
  executors::claude::settings values;
  std::unique_ptr<executors::executor> claude;
  std::promise<outcome> promised;
  std::future<outcome> ended;
  std::unique_ptr<executors::execution> running;
  std::vector<std::string> requests; ///< Of the last run, and their bodies.
  std::vector<nlohmann::json> bodies;
  claimed_ticket ticket;
  std::vector<std::pair<claim_ref, route_report>> told; ///< What others are to hear before the end.

  claude_fixture() {
    values.model = "claude-sonnet-5-5";
    for (const auto* model : {"claude-sonnet-5-5", "claude-opus-5-5"})
      values.prices.push_back({model, {}, 0, 2'000'000, 10'000'000, 2'500'000, 4'000'000, 200'000});
    values.environment = {{"PATH", "/usr/bin:/bin"}};
    values.ladder = {std::chrono::milliseconds{200}, std::chrono::milliseconds{200}};
  }

  void start(const std::string& url, nlohmann::json payload = nlohmann::json::object()) {
    running.reset();
    values.base_url = url;
    claude = std::make_unique<executors::claude::claude_executor>(client, values);
    claude->tell([this](const claim_ref& claim, const route_report& x) { told.emplace_back(claim, x); });
    payload.emplace("prompt", "Do it.");
    payload.emplace("working_directory", folder.path().string());
    ticket.payload = payload.dump();
    promised = {};
    ended = promised.get_future();
    running = claude->start(ticket, [this](outcome x) { promised.set_value(std::move(x)); });
  }

  outcome wait() {
    if (ended.wait_for(std::chrono::seconds{60}) != std::future_status::ready)
      throw std::runtime_error("the attempt didn't end");
    auto result = ended.get();
    running.reset();
    return result;
  }

  /// The end of an attempt that is answered so.
  outcome run(std::vector<scripted_answer> answers, const nlohmann::json& payload = nlohmann::json::object()) {
    scripted_server server{std::move(answers)};
    start(server.url(""), payload);
    auto result = wait();
    requests = server.requests();
    bodies.clear();
    for (const auto& x : requests)
      bodies.push_back(nlohmann::json::parse(x.substr(x.find("\r\n\r\n") + 4)));
    return result;
  }

  /// Of a request of the last run.
  nlohmann::json& body(std::size_t number) { return bodies.at(number); }
};

} // namespace swarm::test
