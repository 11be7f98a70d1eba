#include "runtime/node.hpp"
#include "runtime/store/migrate.hpp"
#include "tools/swarm/invocation.hpp"

#include <iostream>

int main(int argc, char** argv) {
  using namespace swarm::cli;
  CLI::App program{"swarm runs tickets: work that is done once, checked, and never lost.", "swarm"};
  program.set_version_flag("--version", "swarm " + std::string{swarm::runtime::version()} + ", schema "
                                          + std::to_string(swarm::store::schema_version()));
  program.require_subcommand(1);
  program.get_formatter()->column_width(36);
  invocation x;
  program.add_option("--home", x.home, "Home directory [$SWARM_HOME, $XDG_DATA_HOME/swarm, ~/.local/share/swarm]");
  program.add_option("--config", x.config_file, "Configuration file [$SWARM_CONFIG, <home>/swarm.yaml, "
                                                "/etc/swarm/swarm.yaml]");
  action chosen;
  for (auto* add : {add_up, add_run, add_list, add_show, add_events, add_retry, add_cancel, add_config, add_migrate,
                    add_bench})
    add(program, x, chosen);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // Help and version aren't errors; everything else is a mistake in the command line.
    return program.exit(e) == 0 ? exit_success : exit_bad_input;
  }
  return chosen(x);
}
