#include "runtime/workspace/workspaces.hpp"

#include "runtime/workspace/workspace_root.hpp"

namespace swarm::workspace {

namespace {

/// Not the ticket's fault, so it is no matter of its attempts.
caf::error trouble_of_node(const caf::error& cause) {
  return make_error(errc::io_failed, render(cause));
}

} // namespace

std::filesystem::path workspaces::path_of(ticket_id ticket) const {
  return root_ / directory_name(ticket);
}

std::shared_ptr<void> workspaces::enter(ticket_id ticket) {
  std::lock_guard guard{mutex_};
  if (!held_.insert(ticket).second)
    return nullptr;
  return std::shared_ptr<void>{this, [me = shared_from_this(), ticket](void*) {
                                 std::lock_guard guard_of_leaving{me->mutex_};
                                 me->held_.erase(ticket);
                               }};
}

caf::expected<prepared_workspace> workspaces::prepare(const workspace_spec& x) {
  auto hold = enter(x.ticket);
  if (!hold)
    return make_error(errc::io_failed, path_of(x.ticket).string() + " is still in use by an attempt that is being "
                                       "ended, or is just being removed");
  if (auto root = open_root(root_, true); !root)
    return trouble_of_node(root.error());
  auto result = workspace::prepare(root_, x);
  if (result)
    result->hold = std::move(hold);
  return result;
}

caf::expected<sweep_report> workspaces::sweep(std::chrono::seconds age_max, std::uint64_t bytes_max,
                                              const ask_for_ends& ask, const std::function<bool()>& stops,
                                              std::chrono::system_clock::time_point now) {
  auto tickets = tickets_in(root_);
  if (!tickets)
    return tickets.error();
  if (tickets->empty())
    return sweep_report{};
  auto ends = ask(*tickets);
  if (!ends)
    return ends.error();
  retention rules{{}, {}, age_max, bytes_max};
  for (const auto ticket : *tickets) {
    const auto found = ends->find(ticket);
    if (found == ends->end())
      rules.gone.insert(ticket);
    else if (!found->second)
      rules.keep.insert(ticket);
  }
  rules.take = [this, &ask](ticket_id ticket) -> std::shared_ptr<void> {
    auto hold = enter(ticket);
    if (!hold)
      return nullptr;
    // Again, now that no attempt of it can begin here: somebody may have revived it while files were counted.
    auto end = ask({ticket});
    const auto may_go = end && (!end->contains(ticket) || end->at(ticket));
    return may_go ? hold : nullptr;
  };
  rules.stops = stops;
  return workspace::sweep(root_, rules, now);
}

} // namespace swarm::workspace
