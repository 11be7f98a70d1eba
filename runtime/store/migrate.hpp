#pragma once

#include "runtime/store/connection.hpp"

#include <optional>
#include <string>
#include <vector>

namespace swarm::store {

/// One numbered file of migrations/.
struct migration {
  int version = 0;
  std::string_view name; ///< e.g. "0001_tickets"
  std::string_view text;
  std::string checksum;  ///< SHA-256, hexadecimal.
};

/// All migrations of this program, by version. Number 0 is the bootstrap, which runs while no other is
/// applied.
const std::vector<migration>& migrations();

/// The newest schema that this program knows.
int schema_version();

struct migrate_options {
  std::optional<int> to; ///< Stop at this version; the newest by default.
  bool dry_run = false;  ///< Tell what would be done, change nothing.
};

struct migrate_report {
  int from = 0; ///< Version found; 0 for an empty database.
  int to = 0;
  std::vector<std::string> applied; ///< Names of migrations, in order.
  bool functions_replaced = false;  ///< The text of functions/*.sql differed from what the database held.
};

/// The version of the schema that the database holds; 0 when it has none.
/// @returns errc::database_unsuitable as `migrate` does.
caf::expected<int> found_schema(connection&);

/// Brings the schema to this program's version, or to `to`. One transaction under a lock of the database: any number
/// of processes may call it at once, and one that is killed in the middle leaves the old schema.
/// @returns errc::database_unsuitable when the schema is newer than this program, or when an applied migration differs
/// from this program's file; errc::invalid_input for a `to` that doesn't exist or lies in the past.
caf::expected<migrate_report> migrate(connection&, const migrate_options& = {});

} // namespace swarm::store
