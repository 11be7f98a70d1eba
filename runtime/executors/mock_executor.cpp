#include "runtime/executors/mock_executor.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "runtime/executors/http/http_client.hpp"
#include "runtime/executors/one_outcome.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace swarm::executors {

namespace {

using nlohmann::json;

constexpr std::int64_t latency_max_ms = 24 * 3'600'000;

struct script {
  outcome end;
  std::chrono::milliseconds latency{0};
  bool hangs = false;
  bool crashes = false;
};

struct wrong_script : std::runtime_error {
  using std::runtime_error::runtime_error;
};

outcome_class class_of(const std::string& name) {
  for (auto i = 0; i <= static_cast<int>(outcome_class::cancelled); ++i)
    if (to_string(static_cast<outcome_class>(i)) == name)
      return static_cast<outcome_class>(i);
  throw wrong_script("there is no class '" + name + "'");
}

void read_member(const std::string& name, const json& value, script& result) {
  if (name == "class")
    result.end.end = class_of(value.get<std::string>());
  else if (name == "evidence")
    result.end.evidence = value.get<std::string>();
  else if (name == "output")
    result.end.output = value.get<std::string>();
  else if (name == "retry_after_ms")
    result.end.retry_after = std::chrono::milliseconds{value.get<std::int64_t>()};
  else if (name == "details" && value.is_object())
    result.end.details = value.dump();
  else if (name == "latency_ms")
    result.latency = std::chrono::milliseconds{std::clamp<std::int64_t>(value.get<std::int64_t>(), 0, latency_max_ms)};
  else if (name == "hang")
    result.hangs = value.get<bool>();
  else if (name == "crash")
    result.crashes = value.get<bool>();
  else
    throw wrong_script("'" + name + "' can't be used; a mock has attempts, class, crash, details, evidence, hang, "
                       "latency_ms, output and retry_after_ms");
}

/// Throws what is wrong with it.
script read_script(const claimed_ticket& x) {
  auto found = read_foreign_json(x.payload);
  if (!found)
    throw wrong_script("it " + render(found.error()));
  auto payload = std::move(*found);
  if (auto attempts = payload.find("attempts"); attempts != payload.end() && attempts->is_array() && !attempts->empty())
    payload = attempts->at(std::min<std::size_t>(static_cast<std::size_t>(std::max<int>(x.attempt, 1)), attempts->size()) - 1);
  script result;
  result.end.evidence = "it was to end so";
  for (auto& [name, value] : payload.items())
    read_member(name, value, result);
  result.end.output_bytes = result.end.output.size();
  return result;
}

class mock_execution : public execution {
public:
  explicit mock_execution(std::shared_ptr<one_outcome> end) : end_(std::move(end)) {}
  ~mock_execution() override { end_->forget(); }
  std::int64_t progress() const override { return 1; }
  void stop() override { end_->deliver(outcome_class::released, "stopped"); }
  void kill() override { end_->deliver(outcome_class::released, "stopped"); }

private:
  std::shared_ptr<one_outcome> end_;
};

} // namespace

std::unique_ptr<execution> mock_executor::start(const claimed_ticket& ticket, on_outcome done) {
  auto end = std::make_shared<one_outcome>(std::move(done));
  auto result = std::make_unique<mock_execution>(end);
  std::optional<script> wanted;
  try {
    wanted = read_script(ticket);
  } catch (const std::exception& x) { // json's are derived from it
    end->deliver(outcome_class::permanent, std::string{"the payload of a mock can't be read: "} + x.what());
    return result;
  }
  if (wanted->crashes)
    throw std::runtime_error("it was to crash");
  if (!wanted->hangs)
    clock_->after(wanted->latency, [end, x = wanted->end] { end->deliver(x); });
  return result;
}

} // namespace swarm::executors
