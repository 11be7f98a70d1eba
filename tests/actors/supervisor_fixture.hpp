#pragma once

#include "actors/actor_shell.hpp"
#include "actors/supervisor.hpp"
#include "tests/actors/otp_cases.hpp"

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/fixtures/virtual_time.hpp"

/// What the tests of supervision share: children that keep a journal of their lives.
namespace swarm::test {

/// What children have in common: "+a" is the birth of a child, "-a" its death.
struct nursery {
  std::vector<std::string> journal;
  std::map<std::string, caf::actor_addr> living;     ///< The newest life of each.
  std::map<std::string, unsigned> failing_starts;    ///< So many of its next starts fail.
  std::map<std::string, exit_way> starts_that_end;   ///< Children that end by themselves while they start.

  /// What happened since the last look, e.g. "-a +a".
  std::string take_journal() {
    std::string result;
    for (auto& x : journal)
      result += (result.empty() ? "" : " ") + x;
    journal.clear();
    return result;
  }
};

/// A child that ends in every way on request, and may not want to stop.
class probe {
public:
  using interface = caf::typed_actor<caf::reacts_to<atom::ended, int>>;
  static constexpr const char* name = "probe";

  probe(interface::pointer self, std::string id, bool stubborn, std::shared_ptr<nursery> home)
    : self_(self), id_(std::move(id)), home_(std::move(home)) {
    if (auto& left = home_->failing_starts[id_]; left > 0) {
      --left;
      throw std::runtime_error("no start today");
    }
    home_->journal.push_back("+" + id_);
    home_->living[id_] = self_->address();
    if (stubborn)
      self_->set_exit_handler([](caf::exit_msg&) {});
    if (auto i = home_->starts_that_end.find(id_); i != home_->starts_that_end.end())
      end(i->second);
  }
  ~probe() { home_->journal.push_back("-" + id_); }

  interface::behavior_type make_behavior() {
    return {[this](atom::ended, int how) { end(static_cast<exit_way>(how)); }};
  }

private:
  void end(exit_way how) {
    switch (how) {
      case exit_way::normal: return self_->quit();
      case exit_way::shutdown: return self_->quit(caf::exit_reason::user_shutdown);
      case exit_way::shutdown_with_cause: return self_->quit(make_error(errc::shutting_down, "time to go"));
      case exit_way::error: throw std::runtime_error("boom");
      case exit_way::killed: return self_->quit(caf::exit_reason::kill);
    }
  }

  interface::pointer self_;
  std::string id_;
  std::shared_ptr<nursery> home_;
};

struct supervisor_fixture : virtual_time {
  supervisor_config config(strategy rule = strategy::one_for_one, std::string id = "top") {
    supervisor_config result;
    result.rule = rule;
    result.place = actors->root(std::move(id));
    return result;
  }

  child_spec child(const std::string& id, restart_rule restart = restart_rule::permanent, bool stubborn = false) {
    auto start = [id, stubborn, home = home](const birth& x) {
      return untyped(x.parent.spawn<actor_shell<probe>>(id, stubborn, home));
    };
    child_spec result{id, start};
    result.restart = restart;
    return result;
  }

  void supervise(supervisor_config settings, std::vector<child_spec> children) {
    auto place = settings.place;
    top = caf::actor_cast<supervisor_actor>(start<supervisor>(std::move(settings), std::move(children)));
    place->starts(untyped(top)); // a root has nobody else who would write this down
    place->becomes(child_state::running);
  }

  void end_child(const std::string& id, exit_way how) { tell(life(id), atom::ended_v, static_cast<int>(how)); }
  void crash(const std::string& id) { end_child(id, exit_way::error); }
  void finish(const std::string& id) { end_child(id, exit_way::normal); }

  caf::actor life(const std::string& id) {
    auto result = caf::actor_cast<caf::actor>(home->living.at(id));
    if (!result)
      CAF_FAIL("no life of " << id);
    return result;
  }

  std::string journal() { return home->take_journal(); }

  std::vector<child_report> reports() { return ask<std::vector<child_report>>(top, atom::which_children_v).value(); }

  /// Who lives; in parentheses who is down, but known.
  std::string family() {
    std::string result;
    for (auto& x : reports())
      result += (result.empty() ? "" : " ") + (x.life ? x.id : "(" + x.id + ")");
    return result;
  }

  /// Why an actor ended.
  template <class Handle>
  caf::error end_of(const Handle& it) {
    caf::error result;
    auto watcher = sys.spawn([&result, it](caf::event_based_actor* me) -> caf::behavior {
      me->set_down_handler([&result](caf::down_msg& x) { result = x.reason; });
      me->monitor(it);
      return {[](atom::tick) {}};
    });
    sched.run();
    end(watcher);
    return result;
  }

  std::shared_ptr<census> actors = std::make_shared<census>();
  std::shared_ptr<nursery> home = std::make_shared<nursery>();
  supervisor_actor top;
};

} // namespace swarm::test
