#pragma once

#include "actors/logging.hpp"
#include "messages/interfaces.hpp"
#include "runtime/backoff.hpp"
#include "runtime/store/tickets.hpp"

#include <optional>
#include <random>

namespace swarm {

struct store_config {
  store::connection_settings connection;
  backoff_rule reconnect;
};

/// The STORE: owns one connection and runs statements on it. Must be spawned detached, because libpq blocks.
///
/// An outage is nothing that a restart would mend: the connection is dropped, opened again with backoff, and requests
/// in between are answered at once with errc::database_unavailable. The log tells of it once when it begins and once
/// when it is over.
class store_service {
public:
  using interface = store_actor::extend<caf::reacts_to<atom::connect>>;
  static constexpr const char* name = "store";

  store_service(interface::pointer self, store_config config);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  void connect();
  void drop(const caf::error& cause);

  /// Runs one statement, if there is a connection to run it on.
  template <class Statement, class Request>
  auto run(Statement statement, const Request& request)
    -> caf::result<typename decltype(statement(std::declval<store::connection&>(), request))::value_type>;

  interface::pointer self_;
  store_config config_;
  std::optional<store::connection> db_;
  caf::error last_failure_;
  std::uint64_t statements_ = 0; ///< Of this life.
  unsigned failures_ = 0;
  outage_log outage_;
  std::minstd_rand random_;
};

} // namespace swarm
