#pragma once

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <cstdint>
#include <string>

namespace swarm {

/// What went wrong, by what the caller can do about it. Every error carries one of these and a sentence.
enum class errc : std::uint8_t {
  none = 0,             ///< No error; never stored in an error value.
  invalid_input,        ///< The user's text, file or flag; the sentence names place and remedy.
  not_found,            ///< No such ticket, file, program.
  not_permitted,        ///< The operating system refused access.
  conflict,             ///< The thing exists, but its state doesn't allow this.
  home_is_busy,         ///< Another process holds this home directory.
  io_failed,            ///< Reading, writing or starting a process failed for another reason.
  disk_full,            ///< No space left, here or in the database.
  database_unavailable, ///< Outage: back off, reconnect, nothing is lost.
  database_contended,   ///< Deadlock, lock or statement timeout: repeat the same call with the same fence.
  database_denied,      ///< Wrong credentials or rights: a matter of configuration, not repeated hotly.
  database_unsuitable,  ///< Too old, too new a schema, or unsafe settings.
  constraint_violated,  ///< The database refused the data.
  database_error,       ///< Anything else it said: a bug, with its text.
  actor_failed,         ///< An actor ended with an exception or a broken invariant.
  actor_stuck,          ///< A handler doesn't come back, and its thread with it.
  shutting_down,        ///< The node is on its way out.
};

/// The name as users see it, e.g. "database_unavailable".
std::string to_string(errc);

/// An error with its sentence: what failed, why, and (for input) what to do.
caf::error make_error(errc code, std::string sentence);

/// The same for an actor that ended while it was handling a message. @param handling the message's verb, or empty.
caf::error make_error(errc code, std::string sentence, std::string handling);

/// The verb of the message that an actor was handling when it ended; empty when the error doesn't tell.
std::string handling_of(const caf::error&);

/// The code of an error that came out of `make_error`, `errc::actor_failed` for any other error.
errc code_of(const caf::error&);

/// The one way to show an error to a person: its sentence, or a rendering of CAF's own errors.
std::string render(const caf::error&);

/// Exit code of the `swarm` program for this error: 2 for bad input, else 1.
int exit_code_of(const caf::error&);

} // namespace swarm
