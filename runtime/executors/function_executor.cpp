#include "runtime/executors/function_executor.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "runtime/executors/one_outcome.hpp"

#include <atomic>
#include <exception>
#include <thread>

namespace swarm::executors {

namespace {

using nlohmann::json;

struct wanted_call {
  const function* callee;
  std::string arguments;
};

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, "payload of a function: " + sentence);
}

caf::expected<wanted_call> read(const std::string& payload, const function_table& functions) {
  auto found = read_foreign_json(payload);
  if (!found || !found->is_object())
    return wrong(found ? "must be a JSON object" : render(found.error()));
  auto& value = *found;
  for (auto& [name, member] : value.items())
    if (name != "function" && name != "arguments")
      return wrong("unknown member " + json(name).dump(-1, ' ', true) + ", known are arguments and function");
  if (!value.contains("function") || !value["function"].is_string())
    return wrong("'function' must be the name of one");
  auto callee = functions.find(value["function"].get<std::string>());
  if (callee == functions.end())
    return wrong("this program has no function " + value["function"].dump(-1, ' ', true));
  return wanted_call{&callee->second, value.value("arguments", json::object()).dump()};
}

/// What the thread and the attempt share; the thread may outlive the attempt.
struct running_call {
  explicit running_call(on_outcome done) : end(std::move(done)) {}
  one_outcome end;
  std::stop_source stop;
  std::atomic<std::int64_t> progress{1};
};

outcome call(const function& callee, const function_call& x) {
  try {
    return callee(x);
  } catch (const std::exception& e) {
    return failed_with(std::string{"the function threw: "} + e.what());
  } catch (...) {
    return failed_with("the function threw something that is no std::exception");
  }
}

class function_execution : public execution {
public:
  explicit function_execution(std::shared_ptr<running_call> call) : call_(std::move(call)) {}

  ~function_execution() override {
    call_->end.forget();
    call_->stop.request_stop();
  }

  std::int64_t progress() const override { return call_->progress; }

  // A thread can't be killed, so its outcome is taken from it: whatever it says later is not heard.
  void stop() override {
    call_->stop.request_stop();
    call_->end.deliver(outcome_class::released, "stopped");
  }

  void kill() override { stop(); }

private:
  std::shared_ptr<running_call> call_;
};

} // namespace

outcome result_of(const std::string& json_text) {
  auto result = read_foreign_json(json_text);
  if (!result)
    return failed_with("the function's result " + render(result.error()));
  outcome x;
  x.evidence = "the function returned";
  x.details = json{{"result", std::move(*result)}}.dump();
  return x;
}

outcome failed_with(std::string sentence) {
  outcome x;
  x.end = outcome_class::content;
  x.evidence = std::move(sentence);
  return x;
}

std::unique_ptr<execution> function_executor::start(const claimed_ticket& ticket, on_outcome done) {
  auto shared = std::make_shared<running_call>(std::move(done));
  auto result = std::make_unique<function_execution>(shared);
  auto wanted = read(ticket.payload, functions_);
  if (!wanted) {
    shared->end.deliver(outcome_class::permanent, "the ticket's payload can't be read: " + render(wanted.error()));
    return result;
  }
  function_call x{ticket.claim, ticket.attempt, std::move(wanted->arguments), ticket.last_failure,
                  shared->stop.get_token(), [shared] { ++shared->progress; }};
  std::thread{[shared, callee = *wanted->callee, x = std::move(x)] { shared->end.deliver(call(callee, x)); }}.detach();
  return result;
}

} // namespace swarm::executors
