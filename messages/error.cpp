#include "messages/error.hpp"

#include <caf/atom.hpp>
#include <caf/deep_to_string.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace swarm {

std::string to_string(errc x) {
  switch (x) {
    case errc::none: return "none";
    case errc::invalid_input: return "invalid_input";
    case errc::not_found: return "not_found";
    case errc::not_permitted: return "not_permitted";
    case errc::conflict: return "conflict";
    case errc::home_is_busy: return "home_is_busy";
    case errc::io_failed: return "io_failed";
    case errc::disk_full: return "disk_full";
    case errc::database_unavailable: return "database_unavailable";
    case errc::database_contended: return "database_contended";
    case errc::database_denied: return "database_denied";
    case errc::database_unsuitable: return "database_unsuitable";
    case errc::constraint_violated: return "constraint_violated";
    case errc::database_error: return "database_error";
    case errc::actor_failed: return "actor_failed";
    case errc::actor_stuck: return "actor_stuck";
    case errc::shutting_down: return "shutting_down";
  }
  return "unknown";
}

caf::error make_error(errc code, std::string sentence) {
  return caf::error{static_cast<std::uint8_t>(code), caf::atom("swarm"), caf::make_message(std::move(sentence))};
}

caf::error make_error(errc code, std::string sentence, std::string handling) {
  return caf::error{static_cast<std::uint8_t>(code), caf::atom("swarm"),
                    caf::make_message(std::move(sentence), std::move(handling))};
}

std::string handling_of(const caf::error& x) {
  return x && x.context().match_elements<std::string, std::string>() ? x.context().get_as<std::string>(1)
                                                                     : std::string{};
}

errc code_of(const caf::error& x) {
  if (!x)
    return errc::none;
  return x.category() == caf::atom("swarm") ? static_cast<errc>(x.code()) : errc::actor_failed;
}

std::string render(const caf::error& x) {
  if (!x)
    return "no error";
  if (x.context().size() > 0 && x.context().match_element<std::string>(0))
    return x.context().get_as<std::string>(0);
  if (x.category() == caf::atom("swarm"))
    return to_string(static_cast<errc>(x.code()));
  return caf::to_string(x);
}

int exit_code_of(const caf::error& x) {
  return code_of(x) == errc::invalid_input || code_of(x) == errc::constraint_violated ? 2 : 1;
}

} // namespace swarm
