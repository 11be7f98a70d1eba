#pragma once

#include "actors/actor_shell.hpp"
#include "actors/supervisor.hpp"

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
  std::map<std::string, caf::actor_addr> living; ///< The newest life of each.
};

/// A child that crashes on `lost`, ends normally on `ended`, and may not want to stop.
class probe {
public:
  using interface = caf::typed_actor<caf::reacts_to<atom::lost>, caf::reacts_to<atom::ended>>;
  static constexpr const char* name = "probe";

  probe(interface::pointer self, std::string id, bool stubborn, std::shared_ptr<nursery> home)
    : self_(self), id_(std::move(id)), home_(std::move(home)) {
    home_->journal.push_back("+" + id_);
    home_->living[id_] = self_->address();
    if (stubborn)
      self_->set_exit_handler([](caf::exit_msg&) {});
  }
  ~probe() { home_->journal.push_back("-" + id_); }

  interface::behavior_type make_behavior() {
    return {
      [](atom::lost) { throw std::runtime_error("boom"); },
      [this](atom::ended) { self_->quit(); },
    };
  }

private:
  interface::pointer self_;
  std::string id_;
  std::shared_ptr<nursery> home_;
};

struct supervisor_fixture : virtual_time {
  supervisor_config config(strategy rule = strategy::one_for_one) {
    supervisor_config result;
    result.name = "top";
    result.rule = rule;
    return result;
  }

  child_spec child(const std::string& id, restart_rule restart = restart_rule::permanent, bool stubborn = false) {
    auto start = [id, stubborn, home = home](caf::scheduled_actor& parent) {
      return untyped(parent.spawn<actor_shell<probe>>(id, stubborn, home));
    };
    return {id, start, restart, 5s};
  }

  void supervise(supervisor_config settings, std::vector<child_spec> children) {
    top = caf::actor_cast<supervisor_actor>(start<supervisor>(std::move(settings), std::move(children)));
  }

  void crash(const std::string& id) { tell(life(id), atom::lost_v); }
  void finish(const std::string& id) { tell(life(id), atom::ended_v); }

  caf::actor life(const std::string& id) {
    auto result = caf::actor_cast<caf::actor>(home->living.at(id));
    if (!result)
      CAF_FAIL("no life of " << id);
    return result;
  }

  /// What happened since the last look, e.g. "-a +a".
  std::string journal() {
    std::string result;
    for (auto& x : home->journal)
      result += (result.empty() ? "" : " ") + x;
    home->journal.clear();
    return result;
  }

  std::vector<child_report> reports() { return ask<std::vector<child_report>>(top, atom::children_v).value(); }

  std::shared_ptr<nursery> home = std::make_shared<nursery>();
  supervisor_actor top;
};

} // namespace swarm::test
