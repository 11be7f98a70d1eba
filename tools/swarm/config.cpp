#include "config/render.hpp"
#include "tools/swarm/invocation.hpp"

#include <iostream>

namespace swarm::cli {

namespace {

/// A subcommand that prints a generated text.
void add_text(CLI::App& parent, const char* name, const char* sentence, std::string (*text)(), action& chosen) {
  parent.add_subcommand(name, sentence)->callback([text, &chosen] {
    chosen = [text](const invocation&) -> int {
      std::cout << text();
      return exit_success;
    };
  });
}

} // namespace

void add_config(CLI::App& program, invocation& x, action& chosen) {
  auto* command = program.add_subcommand("config", "Show the configuration and what can be configured");
  command->require_subcommand(1);
  auto json = std::make_shared<bool>(false);
  auto* print = command->add_subcommand("print", "Each value in force, and where it comes from");
  print->add_flag("--json", *json, "As one JSON object");
  add_setting_flags(*print, x);
  print->callback([json, &chosen] {
    chosen = [json](const invocation& said) -> int {
      auto loaded = load_settings(said);
      if (!loaded)
        return exit_bad_input;
      std::cout << (*json ? config::print_config_json(*loaded) : config::print_config(*loaded));
      return exit_success;
    };
  });
  add_text(*command, "example", "A configuration file with every option at its default", config::example_yaml, chosen);
  add_text(*command, "reference", "Every option, as Markdown", config::reference_markdown, chosen);
}

} // namespace swarm::cli
