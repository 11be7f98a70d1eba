#include "runtime/control/control_server.hpp"
#include "runtime/introspection.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/signals.hpp"
#include "tools/swarm/text.hpp"

#include <iostream>
#include <unistd.h>
#include <unordered_map>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

struct actors_options {
  bool json = false;
  bool watch = false;
};

/// What each line begins with: the branches of the tree, and the actor's own name.
std::vector<std::string> draw(const std::vector<actor_report>& tree) {
  std::unordered_map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < tree.size(); ++i)
    place.emplace(tree[i].path, i);
  std::unordered_map<std::string, std::size_t> youngest; // of the children of a path
  for (std::size_t i = 0; i < tree.size(); ++i)
    youngest[tree[i].parent] = i;
  std::vector<std::string> result, below(tree.size()); // what stands before the lines of an actor's children
  for (std::size_t i = 0; i < tree.size(); ++i) {
    auto parent = place.find(tree[i].parent);
    if (parent == place.end()) {
      result.push_back(tree[i].path);
      continue;
    }
    auto is_last = youngest[tree[i].parent] == i;
    auto& before = below[parent->second];
    below[i] = before + (is_last ? "   " : "│  ");
    result.push_back(before + (is_last ? "└─ " : "├─ ")
                     + printable_line(tree[i].path.substr(tree[i].parent.size() + 1)));
  }
  return result;
}

std::string duration_text(caf::timespan x) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(x).count();
  return ms < 10'000 ? std::to_string(ms) + "ms" : std::to_string(ms / 1000) + "s";
}

/// What is out of the ordinary, then what it says about itself.
std::string remark(const actor_report& x) {
  std::string result;
  auto add = [&](const std::string& text) { result += (result.empty() ? "" : " ") + text; };
  if (x.state == child_state::waiting)
    add("restart_in=" + duration_text(x.restart_in));
  if (x.busy_for >= 1s)
    add("handling=" + x.handling + " for=" + duration_text(x.busy_for));
  for (auto& fact : x.facts)
    add(fact.name + "=" + fact.value);
  if (x.last_exit.incarnation > 0)
    add("last_exit=\"" + x.last_exit.cause + "\"");
  return printable_line(result);
}

void print_tree(const std::vector<actor_report>& tree) {
  std::vector<std::vector<std::string>> table{{"ACTOR", "STATE", "RESTARTS", "HANDLED", "MAILBOX", ""}};
  auto names = draw(tree);
  for (std::size_t i = 0; i < tree.size(); ++i) {
    auto& x = tree[i];
    table.push_back({names[i], to_string(x.state), std::to_string(x.restarts),
                     std::to_string(x.handled), std::to_string(x.mailbox), remark(x)});
  }
  print_table(std::cout, table);
}

caf::error no_node(const std::filesystem::path& home) {
  return make_error(errc::not_found, "no node runs in " + home.string() + "; `swarm up` starts one");
}

caf::expected<void> show(const runtime::home& home, const actors_options& options) {
  auto answer = control::ask(home.control_socket(), "/actors");
  if (!answer && code_of(answer.error()) == errc::not_found)
    return no_node(home.root());
  if (!answer)
    return std::move(answer.error());
  if (options.json) {
    std::cout << *answer << std::endl;
    return caf::unit;
  }
  auto tree = runtime::parse_reports(*answer);
  if (!tree)
    return std::move(tree.error());
  if (options.watch && isatty(STDOUT_FILENO) != 0)
    std::cout << "\033[H\033[2J"; // to the upper left corner, and an empty screen
  print_tree(*tree);
  std::cout << std::flush;
  return caf::unit;
}

int actors(const invocation& x, const actors_options& options) {
  auto path = home_path(x);
  if (!path)
    return complain(path.error());
  std::error_code ignored;
  if (std::filesystem::status(*path, ignored).type() == std::filesystem::file_type::not_found)
    return complain(no_node(*path)); // looking creates nothing
  auto home = open_home(x);
  if (!home)
    return complain(home.error());
  signals incoming;
  for (;;) {
    if (auto shown = show(*home, options); !shown)
      return complain(shown.error());
    if (!options.watch || !std::cout)
      return exit_success;
    if (incoming.wait_for(1s))
      return exit_success;
  }
}

} // namespace

void add_actors(CLI::App& program, invocation&, action& chosen) {
  auto* command = program.add_subcommand("actors", "Show what every actor of the node that runs in this home is doing");
  auto options = std::make_shared<actors_options>();
  command->add_flag("--json", options->json, "One JSON object with all that is known");
  command->add_flag("--watch", options->watch, "Again every second, until Ctrl-C");
  command->callback([&chosen, options] { chosen = [options](const invocation& x) { return actors(x, *options); }; });
}

} // namespace swarm::cli
