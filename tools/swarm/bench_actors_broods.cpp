#include "tools/swarm/bench_actors_broods.hpp"

#include "actors/actor_shell.hpp"
#include "actors/dynamic_supervisor.hpp"
#include "actors/supervisor.hpp"

namespace swarm::cli {

namespace {

/// What all keepers of children have in common: one order at a time, answered with a number when it is carried out.
struct order {
  std::uint64_t right = 0;
  caf::error failure;
  window steps;
  caf::typed_response_promise<std::uint64_t> answer;

  template <class Self>
  caf::result<std::uint64_t> begin(Self* self, std::uint64_t count, std::uint64_t width,
                                   std::function<void(std::uint64_t)> step) {
    right = 0;
    answer = self->template make_response_promise<std::uint64_t>();
    auto result = answer;
    steps = window{count, width, std::move(step), [this] { finish(); }};
    steps.begin();
    return result;
  }

  void completes(bool is_right) {
    right += std::uint64_t{is_right};
    steps.completes();
  }

  /// No step will be completed any more.
  void fail(const caf::error& x) { answer.deliver(not_measured("the parent ended: " + render(x))); }

  std::function<void(const caf::error&)> on_error() {
    return [this](const caf::error& x) {
      failure = x;
      completes(false);
    };
  }

private:
  void finish() {
    if (failure)
      answer.deliver(failure);
    else
      answer.deliver(right);
  }
};

// -- ours, dynamic ------------------------------------------------------------

struct dynamic_brood_state {
  order work;
  std::vector<std::uint64_t> lives;
  dynamic_supervisor_actor supervisor;
};

using dynamic_brood_pointer = brood_actor::stateful_pointer<dynamic_brood_state>;

void start_one(dynamic_brood_pointer self, std::uint64_t i) {
  auto& state = self->state;
  self->request(state.supervisor, caf::infinite, atom::start_child_v, std::to_string(i), caf::make_message())
    .then(
      [&state](const caf::strong_actor_ptr& life) {
        if (life)
          state.lives.push_back(life->id());
        state.work.completes(life != nullptr);
      },
      state.work.on_error());
}

void stop_one(dynamic_brood_pointer self, std::uint64_t i) {
  auto& state = self->state;
  self->request(state.supervisor, caf::infinite, atom::terminate_child_v, state.lives[i])
    .then(
      [&state](const child_report& x) {
        state.work.completes(x.life == nullptr && x.report.state == child_state::down);
      },
      state.work.on_error());
}

/// Takes its supervisor along when it ends, and tells when that ends before.
brood_actor::behavior_type dynamic_brood(dynamic_brood_pointer self) {
  dynamic_supervisor_config config;
  config.start = [](const birth& x, caf::message&) { return untyped(x.parent.spawn<actor_shell<echo>>()); };
  self->state.supervisor = caf::actor_cast<dynamic_supervisor_actor>(
    self->spawn<actor_shell<dynamic_supervisor>, caf::monitored>(std::move(config)));
  self->set_down_handler([self](caf::down_msg& x) { self->state.work.fail(x.reason); });
  self->set_exit_handler([self](caf::exit_msg& x) {
    self->send_exit(self->state.supervisor, x.reason);
    self->quit(x.reason);
  });
  return {
    [self](atom::start, std::uint64_t count) {
      return self->state.work.begin(self, count, requests_in_flight, [self](std::uint64_t i) { start_one(self, i); });
    },
    [self](atom::stop) {
      return self->state.work.begin(self, self->state.lives.size(), requests_in_flight,
                                    [self](std::uint64_t i) { stop_one(self, i); });
    },
    [self](atom::count) { return std::uint64_t{self->state.lives.size()}; },
  };
}

// -- ours, static -------------------------------------------------------------

struct static_brood_state {
  std::uint64_t count = 0;
  supervisor_actor supervisor;
  caf::typed_response_promise<std::uint64_t> answer;
};

using static_brood_pointer = brood_actor::stateful_pointer<static_brood_state>;

std::vector<child_spec> specs(std::uint64_t count) {
  std::vector<child_spec> result;
  for (std::uint64_t i = 0; i < count; ++i)
    result.push_back({std::to_string(i), [](const birth& x) { return untyped(x.parent.spawn<actor_shell<echo>>()); }});
  return result;
}

caf::result<std::uint64_t> start_all(static_brood_pointer self, std::uint64_t count) {
  auto& state = self->state;
  state.count = count;
  state.supervisor = caf::actor_cast<supervisor_actor>(
    self->spawn<actor_shell<supervisor>, caf::monitored>(supervisor_config{}, specs(count)));
  state.answer = self->make_response_promise<std::uint64_t>();
  auto result = state.answer;
  self->request(state.supervisor, caf::infinite, atom::which_children_v)
    .then(
      [&state](const std::vector<child_report>& xs) {
        std::uint64_t running = 0;
        for (auto& x : xs)
          running += std::uint64_t{x.report.state == child_state::running};
        state.answer.deliver(running);
      },
      [](const caf::error&) {}); // it has ended, and its down message tells why
  return result;
}

brood_actor::behavior_type static_brood(static_brood_pointer self) {
  self->set_down_handler([self](caf::down_msg& x) {
    if (x.reason == caf::exit_reason::user_shutdown)
      self->state.answer.deliver(self->state.count);
    else
      self->state.answer.deliver(std::move(x.reason));
  });
  return {
    [self](atom::start, std::uint64_t count) { return start_all(self, count); },
    [self](atom::stop) {
      self->state.answer = self->make_response_promise<std::uint64_t>();
      self->send_exit(self->state.supervisor, caf::exit_reason::user_shutdown);
      return self->state.answer;
    },
    [self](atom::count) { return self->state.count; },
  };
}

// -- bare CAF -----------------------------------------------------------------

struct bare_brood_state {
  order work;
  std::vector<echo_actor> children;
};

using bare_brood_pointer = brood_actor::stateful_pointer<bare_brood_state>;

void start_bare(bare_brood_pointer self, std::uint64_t i) {
  auto& state = self->state;
  auto child = self->spawn(bare_echo, nullptr);
  self->monitor(child);
  state.children.push_back(child);
  self->request(child, caf::infinite, ask_v, i)
    .then([&state, i](std::uint64_t x) { state.work.completes(x == i + 1); }, state.work.on_error());
}

/// A parent that does it all itself, `width` children at once.
brood_actor::behavior_type bare_brood(bare_brood_pointer self, std::uint64_t width) {
  self->set_down_handler([self](caf::down_msg& x) {
    self->state.work.completes(x.reason == caf::exit_reason::user_shutdown);
  });
  return {
    [self, width](atom::start, std::uint64_t count) {
      return self->state.work.begin(self, count, width, [self](std::uint64_t i) { start_bare(self, i); });
    },
    [self, width](atom::stop) {
      auto& children = self->state.children;
      return self->state.work.begin(self, children.size(), width, [self, &children](std::uint64_t) {
        self->send_exit(children.back(), caf::exit_reason::user_shutdown);
        children.pop_back();
      });
    },
    [self](atom::count) { return std::uint64_t{self->state.children.size()}; },
  };
}

} // namespace

brood_kind our_dynamic() {
  return {[](caf::scoped_actor& x) { return x->spawn(dynamic_brood); }};
}

brood_kind our_static() {
  return {[](caf::scoped_actor& x) { return x->spawn(static_brood); }, 1};
}

brood_kind bare_parent(std::uint64_t width) {
  return {[width](caf::scoped_actor& x) { return x->spawn(bare_brood, width); }};
}

} // namespace swarm::cli
