#pragma once

#include "actors/logging.hpp"
#include "actors/promise.hpp"
#include "messages/interfaces.hpp"
#include "runtime/backoff.hpp"

#include <deque>
#include <random>
#include <vector>

namespace swarm {

struct completer_config {
  std::size_t batch = 500; ///< Settlements per statement, at most.
  retry_rules rules;
  backoff_rule repeat;     ///< Between tries of the same batch.
  caf::timespan store_patience{std::chrono::seconds{90}}; ///< For an answer that a stuck store will never give.
};

/// The COMPLETER: writes outcomes in batches.
///
/// Without it every ticket would cost a commit of its own, and that is where a queue's speed ends. One batch is in
/// flight at a time; what arrives meanwhile forms the next one, so batches grow with the load and a lone ticket waits
/// for nobody. A batch whose fate is unknown is repeated as it is, with the same fences: the database answers `again`
/// for what had got through. So an outcome is never lost while the node lives, however long the outage.
class completer {
public:
  using interface = completer_actor::extend<caf::reacts_to<atom::flush>, caf::reacts_to<atom::tick>>;
  static constexpr const char* name = "completer";

  completer(interface::pointer self, completer_config config, store_actor store,
            std::vector<dispatcher_actor> dispatchers, cascade_actor cascade, scheduler_actor scheduler);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  struct entry {
    swarm::settlement settlement;
    promise<settled_ticket> answer;
  };

  void flush();
  void on_report(const settle_report&);
  void on_failure(const caf::error&);
  void on_refusal(const caf::error&);
  void on_contention(const caf::error&);
  void retry_held_up();
  void write_one_by_one();
  void quit_when_drained();

  interface::pointer self_;
  completer_config config_;
  store_actor store_;
  std::vector<dispatcher_actor> dispatchers_;
  cascade_actor cascade_;
  scheduler_actor scheduler_;
  std::deque<entry> waiting_;
  std::deque<entry> held_up_; ///< By somebody else's open transaction.
  std::vector<entry> in_flight_;
  std::size_t suspects_ = 0;  ///< So many of the next are written one by one, to find the one that was refused.
  std::uint64_t written_ = 0; ///< Outcomes of this life.
  std::uint64_t lost_ = 0;    ///< Of these, refused because the claim had been lost.
  bool flush_is_due_ = false; ///< A flush message is on its way to ourselves.
  bool closing_ = false;
  unsigned failures_ = 0;
  unsigned contentions_ = 0; ///< Of the outcomes that are held up.
  outage_log outage_;
  std::minstd_rand random_;
};

} // namespace swarm
