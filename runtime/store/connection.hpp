#pragma once

#include "messages/error.hpp"
#include "runtime/store/params.hpp"
#include "runtime/store/rows.hpp"
#include "statement_names.hpp" // generated from the names of sql/*.sql

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;
struct pg_result;

namespace swarm::store {

/// How to reach the database, and how patient to be with it.
struct connection_settings {
  std::string conninfo;    ///< libpq syntax, key=value or URI; PG* variables fill what it leaves open.
  std::string application; ///< Shown in pg_stat_activity, e.g. "swarm box-1 store/claims".
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds statement_timeout{30'000};
  std::chrono::milliseconds lock_timeout{10'000};
  std::chrono::milliseconds idle_in_transaction_timeout{30'000};
  std::string role = {}; ///< To work as, if it exists and we are a member; empty: as who logs in.
};

/// One call of a statement, for `transaction`.
struct call {
  statement_name statement;
  params arguments;
};

/// One libpq connection. Blocking; used by one thread at a time.
///
/// Statements are named by their file in sql/ and prepared when first used. Every failure is an error of the classes in
/// sqlstate.hpp that names the statement and keeps SQLSTATE and text. After `database_unavailable` the connection is of
/// no use any more: drop it and open another.
class connection {
public:
  static caf::expected<connection> open(const connection_settings&);

  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;
  ~connection();

  /// Runs one statement as its own transaction.
  caf::expected<rows> run(statement_name, const params& = {});

  /// Runs several statements as one transaction in pipeline mode: one round trip, all or nothing.
  caf::expected<std::vector<rows>> transaction(const std::vector<call>& calls);

  /// Runs a script of several statements, e.g. a migration. `what` names it in errors.
  caf::expected<void> script(std::string_view sql, std::string_view what);

  /// False once the link is known to be broken.
  bool is_usable() const;

  pg_conn* native() { return conn_; }

private:
  explicit connection(pg_conn* conn) : conn_(conn) {}
  caf::expected<void> prepare(statement_name);
  caf::error failure(std::string_view what, const pg_result*) const; // nullptr: what the connection itself says

  pg_conn* conn_ = nullptr;
  std::set<std::string_view> prepared_;
};

/// The text of a statement file, e.g. for tests.
std::string_view statement_text(statement_name);

} // namespace swarm::store
