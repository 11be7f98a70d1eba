#include "runtime/secrets.hpp"
#include "runtime/store/tickets.hpp"
#include "tools/swarm/invocation.hpp"

#include <iostream>

namespace swarm::cli {

namespace {

/// What a person writes is stored, shown to everybody and told to models, and may quote what he has seen.
caf::expected<std::string> without_secrets(const invocation& x, const std::string& words) {
  auto settings = load_settings(x);
  if (!settings)
    return make_error(errc::invalid_input, "without a configuration that can be read, nobody knows what is a secret in it");
  auto redactor = runtime::make_redactor(settings->values);
  if (!redactor)
    return std::move(redactor.error());
  return (*redactor)->redact(words);
}

} // namespace

void add_approve(CLI::App& program, invocation&, action& chosen) {
  auto id = std::make_shared<std::int64_t>(0);
  auto note = std::make_shared<std::string>();
  auto without_result = std::make_shared<bool>(false);
  auto* command = program.add_subcommand("approve", "Complete a ticket in review: its work is good");
  command->add_option("ID", *id, "Number of the ticket")->required()->check(check_number);
  command->add_option("--note", *note, "For the record");
  command->add_flag("--without-result", *without_result,
                    "Although its attempt came to nothing: who needs its result won't find it");
  command->callback([=, &chosen] {
    chosen = [=](const invocation& x) {
      return with_database(x, "swarm approve", [=](store::connection& db) -> caf::expected<void> {
        auto words = without_secrets(x, *note);
        if (!words)
          return std::move(words.error());
        auto event = store::approve(db, ticket_id{*id}, user_name(), *words, *without_result);
        if (!event)
          return std::move(event.error());
        std::cout << "ticket " << *id << " is completed\n";
        return store::notify(db, "ready");
      });
    };
  });
}

void add_reject(CLI::App& program, invocation&, action& chosen) {
  auto id = std::make_shared<std::int64_t>(0);
  auto why = std::make_shared<std::string>();
  auto* command = program.add_subcommand("reject", "Fail the attempt of a ticket in review: its work isn't good");
  command->add_option("ID", *id, "Number of the ticket")->required()->check(check_number);
  command->add_option("--why", *why, "What is wrong with it: all that the next attempt learns")->required();
  command->callback([=, &chosen] {
    chosen = [=](const invocation& x) {
      return with_database(x, "swarm reject", [=](store::connection& db) -> caf::expected<void> {
        auto words = without_secrets(x, *why);
        if (!words)
          return std::move(words.error());
        auto event = store::reject(db, ticket_id{*id}, user_name(), *words);
        if (!event)
          return std::move(event.error());
        std::cout << "ticket " << *id
                  << (*event == "failed" ? " has failed; that was its last attempt\n" : " runs again, with that reason\n");
        return store::notify(db, "ready");
      });
    };
  });
}

} // namespace swarm::cli
