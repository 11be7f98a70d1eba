#include "messages/outcome.hpp"

namespace swarm {

std::string to_string(outcome_class x) {
  switch (x) {
    case outcome_class::completed: return "completed";
    case outcome_class::content: return "content";
    case outcome_class::crash: return "crash";
    case outcome_class::timeout: return "timeout";
    case outcome_class::check_failed: return "check_failed";
    case outcome_class::check_error: return "check_error";
    case outcome_class::review: return "review";
    case outcome_class::transient: return "transient";
    case outcome_class::throttled: return "throttled";
    case outcome_class::auth: return "auth";
    case outcome_class::budget: return "budget";
    case outcome_class::permanent: return "permanent";
    case outcome_class::snoozed: return "snoozed";
    case outcome_class::waiting: return "waiting";
    case outcome_class::released: return "released";
    case outcome_class::cancelled: return "cancelled";
  }
  return "unknown";
}

std::string to_string(route_news x) {
  switch (x) {
    case route_news::none: return "none";
    case route_news::answered: return "answered";
    case route_news::failed: return "failed";
    case route_news::shut: return "shut";
    case route_news::refused: return "refused";
    case route_news::throttled: return "throttled";
  }
  return "unknown";
}

std::string to_string(settle_answer x) {
  switch (x) {
    case settle_answer::ok: return "ok";
    case settle_answer::again: return "again";
    case settle_answer::lost: return "lost";
  }
  return "unknown";
}

std::string to_string(stop_cause x) {
  switch (x) {
    case stop_cause::lost: return "lost";
    case stop_cause::cancelled: return "cancelled";
    case stop_cause::drain: return "drain";
  }
  return "unknown";
}

} // namespace swarm
