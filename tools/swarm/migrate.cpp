#include "runtime/store/migrate.hpp"
#include "tools/swarm/invocation.hpp"

#include <iostream>

namespace swarm::cli {

namespace {

void print_report(const store::migrate_report& x, bool dry_run) {
  const char* would = dry_run ? "would be " : "";
  for (auto& name : x.applied)
    std::cout << name << ' ' << would << "applied\n";
  if (x.functions_replaced)
    std::cout << "functions " << would << "replaced\n";
  if (x.applied.empty() && !x.functions_replaced)
    std::cout << "the schema is at version " << x.from << ", nothing to do\n";
  else if (x.from != x.to)
    std::cout << "the schema " << (dry_run ? "would go" : "went") << " from version " << x.from << " to " << x.to
              << '\n';
}

int migrate(const invocation& x, const store::migrate_options& options) {
  auto settings = load_settings(x);
  if (!settings)
    return exit_bad_input;
  // A look makes no database.
  if (options.dry_run && !has_database(x, settings->values)) {
    std::cout << "there is no database yet; the first start makes one and brings it to version "
              << options.to.value_or(store::schema_version()) << '\n';
    return exit_success;
  }
  auto access = open_database(x, settings->values, "swarm migrate", schema_need::any);
  if (!access)
    return complain(access.error());
  auto report = store::migrate(*access->connection, options);
  if (!report)
    return complain(report.error());
  print_report(*report, options.dry_run);
  return exit_success;
}

} // namespace

void add_migrate(CLI::App& program, invocation& x, action& chosen) {
  auto options = std::make_shared<store::migrate_options>();
  auto* command = program.add_subcommand("migrate", "Bring the database's schema to this version");
  command->add_flag("--dry-run", options->dry_run, "Tell what would be done, and undo it");
  command->add_option_function<int>("--to", [options](int version) { options->to = version; }, "Stop at this version")
    ->check(CLI::Range(1, 1'000'000));
  add_setting_flags(*command, x);
  command->callback([options, &chosen] { chosen = [options](const invocation& said) { return migrate(said, *options); }; });
}

} // namespace swarm::cli
