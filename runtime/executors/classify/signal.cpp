#include "runtime/executors/classify/signal.hpp"

namespace swarm::executors {

std::string to_string(verdict_action x) {
  switch (x) {
    case verdict_action::go_on: return "go_on";
    case verdict_action::retry_in_place: return "retry_in_place";
    case verdict_action::verify: return "verify";
    case verdict_action::finish: return "finish";
    case verdict_action::defer: return "defer";
    case verdict_action::open_breaker: return "open_breaker";
    case verdict_action::fail_attempt: return "fail_attempt";
    case verdict_action::fail_ticket: return "fail_ticket";
    case verdict_action::ask_human: return "ask_human";
    case verdict_action::hand_back: return "hand_back";
    case verdict_action::abandon: return "abandon";
  }
  return "unknown";
}

std::string to_string(verdict_scope x) {
  switch (x) {
    case verdict_scope::call: return "call";
    case verdict_scope::ticket: return "ticket";
    case verdict_scope::endpoint: return "endpoint";
    case verdict_scope::model: return "model";
    case verdict_scope::credential: return "credential";
    case verdict_scope::credential_and_model: return "credential_and_model";
    case verdict_scope::organisation: return "organisation";
    case verdict_scope::executor: return "executor";
    case verdict_scope::own_budget: return "own_budget";
  }
  return "unknown";
}

std::string to_string(verdict_remedy x) {
  switch (x) {
    case verdict_remedy::none: return "none";
    case verdict_remedy::refresh_token: return "refresh_token";
    case verdict_remedy::use_streaming: return "use_streaming";
    case verdict_remedy::say_interrupted: return "say_interrupted";
    case verdict_remedy::say_continue: return "say_continue";
    case verdict_remedy::show_parse_error: return "show_parse_error";
    case verdict_remedy::double_max_tokens: return "double_max_tokens";
    case verdict_remedy::compact: return "compact";
    case verdict_remedy::trim_attachments: return "trim_attachments";
    case verdict_remedy::fallback_model: return "fallback_model";
    case verdict_remedy::resume_session: return "resume_session";
    case verdict_remedy::fresh_session: return "fresh_session";
    case verdict_remedy::more_turns: return "more_turns";
    case verdict_remedy::more_memory: return "more_memory";
  }
  return "unknown";
}

} // namespace swarm::executors
