#include "runtime/store/migrate.hpp"

#include "messages/text_file.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace swarm::embedded {
extern const std::vector<text_file> migration_files;
extern const std::vector<text_file> function_files;
} // namespace swarm::embedded

namespace swarm::store {

namespace {

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  constexpr std::string_view hex = "0123456789abcdef";
  std::string result;
  for (unsigned i = 0; i < size; ++i) {
    result.push_back(hex[digest[i] >> 4]);
    result.push_back(hex[digest[i] & 15]);
  }
  return result;
}

std::vector<migration> read_migrations() {
  std::vector<migration> result;
  for (auto& file : embedded::migration_files) {
    migration x;
    std::from_chars(file.name.data(), file.name.data() + 4, x.version);
    x.name = file.name.substr(0, file.name.size() - 4); // without ".sql"
    x.text = file.text;
    x.checksum = sha256(file.text);
    result.push_back(std::move(x));
  }
  std::sort(result.begin(), result.end(), [](auto& a, auto& b) { return a.version < b.version; });
  return result;
}

std::string function_set_checksum() {
  std::string all;
  for (auto& file : embedded::function_files)
    all.append(file.text);
  return sha256(all);
}

/// What the database holds already.
struct applied_schema {
  int version = 0;
  std::string functions; ///< Checksum; empty before the first migration.
};

caf::error newer_schema(int found) {
  return make_error(errc::database_unsuitable, "the database's schema is version " + std::to_string(found)
                                                 + ", and this swarm knows only " + std::to_string(schema_version())
                                                 + "; upgrade this node");
}

caf::expected<applied_schema> read_applied(connection& db) {
  applied_schema result;
  auto known = db.run(sql::has_migrations);
  if (!known)
    return std::move(known.error());
  if (!known->truth(0, 0))
    return result;
  auto found = db.run(sql::list_migrations);
  if (!found)
    return std::move(found.error());
  for (int i = 0; i < found->size(); ++i) {
    auto version = static_cast<int>(found->number(i, 0));
    result.version = version;
    auto mine = std::find_if(migrations().begin(), migrations().end(), [&](auto& x) { return x.version == version; });
    if (mine == migrations().end())
      continue; // newer than this program: reported with the highest number
    if (mine->checksum != found->text(i, 2))
      return make_error(errc::database_unsuitable,
                        "migration " + found->text(i, 1) + " was applied with another text than this swarm's; "
                          "the database belongs to another build");
  }
  auto functions = db.run(sql::function_set);
  if (!functions)
    return std::move(functions.error());
  if (functions->size() > 0)
    result.functions = functions->text(0, 0);
  return result;
}

caf::expected<int> target_version(const applied_schema& found, const migrate_options& options) {
  if (found.version > schema_version())
    return newer_schema(found.version);
  if (!options.to)
    return schema_version();
  if (*options.to < 1 || *options.to > schema_version())
    return make_error(errc::invalid_input, "there is no schema version " + std::to_string(*options.to)
                                             + "; this swarm knows 1 to " + std::to_string(schema_version()));
  if (*options.to < found.version)
    return make_error(errc::invalid_input, "the schema is at version " + std::to_string(found.version)
                                             + " already, and migrations only go forward");
  return *options.to;
}

caf::expected<void> apply_functions(connection& db, const std::string& checksum) {
  for (auto& file : embedded::function_files)
    if (auto done = db.script(file.text, file.name); !done)
      return done;
  if (auto done = db.run(sql::record_function_set, params::of(checksum)); !done)
    return std::move(done.error());
  return caf::unit;
}

/// Runs inside the transaction that holds the migration lock.
caf::expected<migrate_report> migrate_locked(connection& db, const migrate_options& options) {
  auto found = read_applied(db);
  if (!found)
    return std::move(found.error());
  auto target = target_version(*found, options);
  if (!target)
    return std::move(target.error());
  migrate_report report;
  report.from = found->version;
  report.to = *target;
  for (auto& x : migrations()) {
    auto is_applied = x.version == 0 ? found->version > 0 : x.version <= found->version;
    if (is_applied || x.version > *target)
      continue;
    if (auto done = db.script(x.text, x.name); !done)
      return std::move(done.error());
    if (x.version == 0)
      continue;
    auto recorded = db.run(sql::record_migration, params::of(x.version, x.name, x.checksum));
    if (!recorded)
      return std::move(recorded.error());
    report.applied.emplace_back(x.name);
  }
  // Functions fit the newest schema only.
  auto checksum = function_set_checksum();
  if (*target == schema_version() && checksum != found->functions) {
    if (auto done = apply_functions(db, checksum); !done)
      return std::move(done.error());
    report.functions_replaced = true;
  }
  return report;
}

} // namespace

const std::vector<migration>& migrations() {
  static const auto all = read_migrations();
  return all;
}

int schema_version() {
  return migrations().back().version;
}

caf::expected<int> found_schema(connection& db) {
  auto found = read_applied(db);
  if (!found)
    return std::move(found.error());
  if (found->version > schema_version())
    return newer_schema(found->version);
  return found->version;
}

caf::expected<migrate_report> migrate(connection& db, const migrate_options& options) {
  // The lock may be held by a migration that takes long; waiting for it is right.
  if (auto done = db.script("BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0", "begin"); !done)
    return std::move(done.error());
  auto locked = db.run(sql::migration_lock);
  auto report = locked ? migrate_locked(db, options) : caf::expected<migrate_report>{std::move(locked.error())};
  auto commits = report && !options.dry_run;
  auto ended = db.script(commits ? "COMMIT" : "ROLLBACK", commits ? "commit" : "rollback");
  if (report && !ended)
    return std::move(ended.error());
  return report;
}

} // namespace swarm::store
