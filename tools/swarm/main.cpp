#include "config/problem.hpp"
#include "runtime/executors/command/open_files.hpp"
#include "runtime/node.hpp"
#include "runtime/private_memory.hpp"
#include "runtime/store/migrate.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <iostream>

namespace {

/// "there is no option '--node.slot', did you mean '--node.slots'"
std::string no_such(const CLI::App& command, const std::string& word) {
  if (!word.starts_with('-'))
    return "there is no command '" + word + "'";
  auto name = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (auto* place : {&command, command.get_parent()})
    for (auto* option : place ? place->get_options() : std::vector<const CLI::Option*>{})
      for (auto& x : option->get_lnames())
        known.push_back("--" + x);
  auto meant = swarm::config::nearest(name, {known.begin(), known.end()});
  return "there is no option '" + name + "'" + (meant.empty() ? "" : ", did you mean '" + std::string{meant} + "'");
}

/// Lets --home, --config and settings stand behind the subcommand too.
void let_flags_stand_anywhere(CLI::App& command) {
  for (auto* x : command.get_subcommands([](CLI::App*) { return true; })) {
    x->fallthrough();
    let_flags_stand_anywhere(*x);
  }
}

/// One sentence for a mistake in the command line, with the way to the right words.
std::string sentence_for(const CLI::App* program, const CLI::Error& mistake) {
  std::string place = "swarm";
  auto* chosen = program;
  while (!chosen->get_subcommands().empty()) {
    chosen = chosen->get_subcommands().front();
    place += " " + chosen->get_name();
  }
  std::string what = mistake.what();
  // CLI11 asks for what is missing before it names the word that nobody knows.
  auto unknown = program->remaining(true);
  if (!unknown.empty() && (chosen->get_require_subcommand_min() > 0 || unknown.front().starts_with("--")))
    what = no_such(*chosen, unknown.front());
  return "swarm: " + swarm::cli::printable_line(what) + "; see `" + place + " --help`\n";
}

} // namespace

int main(int argc, char** argv) {
  using namespace swarm::cli;
  swarm::runtime::keep_memory_private();
  swarm::executors::allow_many_open_files();
  CLI::App program{"swarm runs tickets: work that is done once, checked, and never lost.", "swarm"};
  program.set_version_flag("--version", "swarm " + std::string{swarm::runtime::version()} + ", schema "
                                          + std::to_string(swarm::store::schema_version()));
  program.require_subcommand(1);
  program.failure_message(sentence_for);
  program.get_formatter()->column_width(36);
  invocation x;
  program.add_option("--home", x.home, "Home directory [$SWARM_HOME, $XDG_DATA_HOME/swarm, ~/.local/share/swarm]");
  program.add_option("--config", x.config_file, "Configuration file [$SWARM_CONFIG, <home>/swarm.yaml, "
                                                "/etc/swarm/swarm.yaml]");
  // For all subcommands; the help of those that bring a node up lists them.
  add_setting_flags(program, x, false);
  action chosen;
  for (auto* add : {add_up, add_run, add_list, add_show, add_logs, add_why, add_events, add_retry, add_cancel, add_release, add_approve, add_reject,
                    add_queues, add_configure, add_breakers, add_limits, add_pause, add_resume, add_schedules, add_schedule, add_unschedule,
                    add_audit, add_actors, add_config, add_migrate, add_bench})
    add(program, x, chosen);
  let_flags_stand_anywhere(program);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // Help and version aren't errors; everything else is a mistake in the command line.
    return program.exit(e) == 0 ? exit_success : exit_bad_input;
  }
  auto code = chosen(x);
  // Whoever reads less than everything, or a full disk, must not look like success.
  if (!std::cout.flush() && code == exit_success) {
    std::cerr << "swarm: the output couldn't be written\n";
    return exit_failure;
  }
  return code;
}
