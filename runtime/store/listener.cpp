#include "runtime/store/listener.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace swarm::store {

struct listener::impl {
  impl(connection c, on_word word, on_lost lost) : db(std::move(c)), word_(std::move(word)), lost_(std::move(lost)) {}

  ~impl() {
    if (thread.joinable()) {
      eventfd_write(stop, 1);
      thread.join();
    }
    if (stop >= 0)
      close(stop);
  }

  void run() {
    std::array<pollfd, 2> fds{pollfd{PQsocket(db.native()), POLLIN, 0}, pollfd{stop, POLLIN, 0}};
    for (;;) {
      if (poll(fds.data(), fds.size(), -1) < 0)
        continue; // interrupted by a signal
      if (fds[1].revents != 0)
        return;
      if (PQconsumeInput(db.native()) == 0)
        return lost_(make_error(errc::database_unavailable, "the listening connection was lost"));
      while (auto* note = PQnotifies(db.native())) {
        std::string word = note->extra;
        PQfreemem(note);
        word_(std::move(word));
      }
    }
  }

  connection db;
  on_word word_;
  on_lost lost_;
  int stop = -1;
  std::thread thread;
};

listener::listener(std::unique_ptr<impl> x) : impl_(std::move(x)) {}

listener::~listener() = default;

caf::expected<std::unique_ptr<listener>> listener::open(const connection_settings& settings, on_word word,
                                                        on_lost lost) {
  auto db = connection::open(settings);
  if (!db)
    return std::move(db.error());
  if (auto done = db->script("LISTEN swarm", "listen"); !done)
    return std::move(done.error());
  auto state = std::make_unique<impl>(std::move(*db), std::move(word), std::move(lost));
  state->stop = eventfd(0, EFD_CLOEXEC);
  if (state->stop < 0)
    return make_error(errc::io_failed, "cannot create an eventfd for the listener");
  state->thread = std::thread{[x = state.get()] { x->run(); }};
  return std::unique_ptr<listener>{new listener{std::move(state)}};
}

} // namespace swarm::store
