#pragma once

#include <caf/meta/type_name.hpp>
#include <caf/timespan.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace swarm {

/// What a program may use; nothing where there is no limit. Each process that it starts has the same limits again.
struct command_limits {
  caf::timespan cpu{0};            ///< CPU time, in whole seconds (RLIMIT_CPU); 0 means no limit.
  std::int64_t memory_bytes = -1;  ///< Address space (RLIMIT_AS); -1 means no limit, as for all of these.
  std::int64_t files = -1;         ///< Open files (RLIMIT_NOFILE).
  std::int64_t processes = -1;     ///< Processes of the node's user, all taken together (RLIMIT_NPROC).
  std::int64_t core_bytes = -1;    ///< Size of a core dump (RLIMIT_CORE).

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, command_limits& x) {
    return f(caf::meta::type_name("command_limits"), x.cpu, x.memory_bytes, x.files, x.processes, x.core_bytes);
  }
};

/// A program to run. Nothing is inherited from the node: `environment` is the child's whole environment.
struct command_spec {
  std::vector<std::string> argv;    ///< argv[0] is looked up in the child's PATH unless it holds a slash. Never a shell.
  std::string working_directory;    ///< Absolute.
  std::map<std::string, std::string> environment;
  caf::timespan timeout{0};         ///< Wall clock of the whole run; 0 means no limit.
  std::uint64_t output_head_bytes = 64u << 10;  ///< The first bytes of the output are kept ...
  std::uint64_t output_tail_bytes = 192u << 10; ///< ... and the last; what lies between is counted and dropped.
  std::string output_file;          ///< Absolute: a new file for the whole output, once there is any. Empty: none.
  std::uint64_t output_file_bytes_max = 0; ///< What comes behind, or has no room on the disk, isn't in it.
  bool keeps_raw_output = false;    ///< Somebody judges it by its words: see `command_result::raw_output`.
  bool errors_apart = false;        ///< stderr gets a pipe of its own, so that it can't tear the lines of stdout.
  std::string input;                ///< What it reads from stdin ...
  std::string input_file;           ///< ... or a regular file that it reads, from its directory; else there is nothing.
  bool input_is_confined = false;   ///< That file must lie below its directory; no ".." and no link may lead out of it.
  command_limits limits;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, command_spec& x) {
    return f(caf::meta::type_name("command_spec"), x.argv, x.working_directory, x.environment, x.timeout,
             x.output_head_bytes, x.output_tail_bytes, x.output_file, x.output_file_bytes_max, x.keeps_raw_output,
             x.errors_apart, x.input, x.input_file, x.input_is_confined, x.limits);
  }
};

/// How a run ended.
enum class command_ending : std::uint8_t {
  exited,      ///< By itself; `exit_code` tells how.
  signalled,   ///< By a signal that this node didn't send; `signal` tells which.
  timed_out,   ///< Stopped by this node because `timeout` ran out.
  stopped,     ///< Stopped by this node on request.
  not_started, ///< Never ran; `error_number` (errno) and `error_text` tell why.
};

std::string to_string(command_ending);

struct command_result {
  command_ending ending = command_ending::exited;
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  std::int32_t error_number = 0;
  std::string error_text;             ///< A sentence, e.g. "cannot run 'mkae': No such file or directory".
  std::string output;                 ///< stdout and stderr as they came: head, a line that counts what was dropped, tail.
  std::uint64_t output_bytes = 0;     ///< All bytes the command wrote, kept or not.
  std::uint64_t output_file_bytes = 0; ///< Of these, the first so many are in `command_spec::output_file`.
  caf::timespan duration{0};

  /// As the program wrote it, with the secrets in it, where `command_spec` asks for that and something may be redacted. It
  /// is judged and forgotten; whatever is kept, shown or handed on is made of `output`. No inspector is told of it, so that
  /// it stands in no text of a message.
  std::optional<std::string> raw_output;

  /// What a judge reads.
  std::string_view judged_output() const { return raw_output ? *raw_output : output; }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, command_result& x) {
    return f(caf::meta::type_name("command_result"), x.ending, x.exit_code, x.signal, x.error_number, x.error_text,
             x.output, x.output_bytes, x.output_file_bytes, x.duration);
  }
};

} // namespace swarm
