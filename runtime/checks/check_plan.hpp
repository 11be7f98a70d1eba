#pragma once

#include "messages/checks.hpp"
#include "messages/command.hpp"
#include "messages/outcome.hpp"
#include "runtime/backoff.hpp"
#include "runtime/checks/files_check.hpp"
#include "runtime/checks/verdict.hpp"

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::checks {

/// Where the work was done, and what programs that check it may have.
struct check_site {
  std::string directory;                          ///< Absolute.
  std::string spec = {};                          ///< What the ticket asks for; shown to a model that judges.
  std::map<std::string, std::string> environment; ///< Names of credentials are left out of it.
  command_limits limits;
  std::uint64_t output_head_bytes = 64u << 10;
  std::uint64_t output_tail_bytes = 192u << 10;
  std::int32_t repeats_max = 0; ///< Of a check that gave no verdict.
  backoff_rule pause{std::chrono::seconds{1}, std::chrono::seconds{10}}; ///< Before each of them.
  redaction redact = as_it_is; ///< Of what files hold, on its way into evidence or to a model. Called on any thread.
};

/// Whether a variable of this name is taken for a credential of the executor, which no check gets: SWARM_SECRET_*, and
/// whatever has TOKEN, SECRET, PASSWORD, PASSWD, CREDENTIAL or APIKEY in its name, or KEY, PASS, PAT or AUTH as its last word.
bool is_credential(std::string_view variable);

/// What a plan wants to be done next.
struct demand {
  enum class kind : std::uint8_t {
    nothing, ///< It is over.
    program, ///< Run it, and say how it ended. Its timeout is its own; the attempt's comes on top.
    ask,     ///< Ask a model, and say how that ended. Its timeout is its own, as with a program.
    look,    ///< Call it, where nobody waits because it reads files, and say what it found. It throws nothing.
    pause,   ///< Ask again after that time.
  };

  kind what = kind::nothing;
  command_spec program = {};
  std::function<finding()> look = {};
  caf::timespan pause{0};
  std::string question = {}; ///< The payload of a ticket of kind "claude".
  caf::timespan timeout{0};  ///< Of `ask`; 0: none of its own.
};

/// THE CHECKS OF ONE ATTEMPT: their order, what must be noted before the work begins, repeats of those that give no
/// verdict, and what each of them said. It does nothing itself: whoever owns the attempt asks what is next, does it, and
/// comes back with the end of it. A check that doesn't pass is the last one.
class check_plan {
public:
  check_plan() = default; ///< No checks.

  /// `errc::invalid_input` for a pattern of a diff that can't be read.
  static caf::expected<check_plan> make(std::vector<check_definition>, check_site, unsigned seed);

  bool is_empty() const { return checks_.empty(); }

  /// Before the work: what protected files and the repository are like. When nothing is left to be done, `trouble` is
  /// why no check could ever judge, and the work needn't begin; empty when all is well.
  demand prepare();
  const std::string& trouble() const { return trouble_; }

  /// After the work, and after each pause.
  demand next();

  /// How what was demanded ended, and what is next.
  demand on_ended(const command_result&);
  demand on_found(finding);
  demand on_answered(const outcome&);

  /// When nothing is left to be done: turns the end of the work, whose evidence it goes on with, into that of the attempt:
  /// completed, check_failed, check_error, or review. What the checks wrote comes behind the work's output, each behind a
  /// line with its name, and what each said becomes the member "checks" of the details, whatever the work has put there.
  void judge(outcome&) const;

  /// What explains the verdict of the check that failed; empty when none did.
  std::string_view failure_detail() const;

private:
  /// What was noted for a check before the work began.
  struct notes {
    std::shared_ptr<file_notes> files = std::make_shared<file_notes>(); ///< Shared with a look that is under way.
    std::string base;
  };

  struct record {
    check_kind kind;
    std::string name;
    finding said;
    caf::timespan duration;
    std::int32_t repeats;
  };

  demand note_next();
  demand ask() const;
  void add_spending(const std::string& details);
  std::string evidence_so_far() const;
  std::string details_with_records(const std::string& details) const;
  demand run(std::vector<std::string> argv, caf::timespan timeout) const;
  demand look(std::function<finding()>) const;
  demand read_report(const command_result&);
  demand conclude(finding, std::string_view output, std::uint64_t output_bytes, caf::timespan duration);
  const check_definition& current() const { return checks_[at_]; }

  std::vector<check_definition> checks_;
  std::vector<notes> notes_; ///< One for each of them.
  check_site site_;
  std::shared_ptr<work_folder> folder_; ///< Shared, too.
  std::minstd_rand random_;
  std::size_t at_ = 0; ///< The check that is asked, or that is noted for.
  bool is_preparing_ = false;
  bool is_holding_ = false;   ///< Before all of them: of their directory.
  bool is_ready_ = false;     ///< What comes before the program of the current one is done.
  std::int32_t repeats_ = 0; ///< Of the current one.
  command_result ended_;     ///< The program whose report is read.
  std::shared_ptr<std::string> reviewed_files_; ///< What a model is shown of them, once they are read.
  std::int64_t cost_micro_dollars_ = 0;         ///< Of the models that were asked ...
  std::map<std::string, std::int64_t> usage_;   ///< ... and their tokens, by kind.
  std::string trouble_;
  std::vector<record> records_; ///< Of those that are concluded.
  std::string output_;
  std::uint64_t output_bytes_ = 0;
};

} // namespace swarm::checks
