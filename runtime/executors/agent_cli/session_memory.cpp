#include "runtime/executors/agent_cli/session_memory.hpp"

#include "messages/error.hpp"
#include "runtime/executors/agent_cli/json_line.hpp"

#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace swarm::executors {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::chrono::hours kept_for{30 * 24};

/// Ends after which the same conversation is the best place to go on from: nothing was wrong with it.
bool leaves_session_whole(const verdict& x) {
  using enum outcome_class;
  return x.remedy == verdict_remedy::resume_session || x.remedy == verdict_remedy::more_turns || x.end == released
         || x.end == timeout || x.end == throttled || x.end == auth || x.end == budget
         || (x.end == transient && x.remedy != verdict_remedy::fresh_session);
}

bool is_crash(const verdict& x) {
  return x.row == "2.3/9" || x.row == "2.3/9b";
}

} // namespace

session_plan plan_session(const std::optional<session_memory>& last, std::string_view agent, int profile) {
  if (!last || last->agent != agent || last->profile != profile)
    return {};
  const auto crashes = last->crashes + (last->is_running ? 1 : 0);
  const auto goes_on = last->is_running ? crashes == 1 : last->resumes;
  return {goes_on ? last->session_id : "", crashes};
}

std::optional<session_memory> remember(session_memory run, const verdict& x) {
  run.is_running = false;
  run.resumes = leaves_session_whole(x) && !run.session_id.empty();
  run.crashes += is_crash(x) ? 1 : 0;
  const auto counts_on = is_crash(x) || x.end == outcome_class::released;
  if (!counts_on)
    run.crashes = 0;
  if (!run.resumes && run.crashes == 0)
    return {};
  return run;
}

session_files::session_files(fs::path folder) : folder_(std::move(folder)) {
  if (folder_.empty())
    return;
  std::error_code ignored;
  fs::create_directories(folder_, ignored);
  fs::permissions(folder_, fs::perms::owner_all, ignored);
  const auto oldest = fs::file_time_type::clock::now() - kept_for;
  for (auto& x : fs::directory_iterator{folder_, ignored})
    if (x.last_write_time(ignored) < oldest && !ignored)
      fs::remove(x.path(), ignored);
}

fs::path session_files::path_of(ticket_id x) const {
  return folder_ / to_string(x);
}

std::optional<session_memory> session_files::load(ticket_id ticket) const {
  if (folder_.empty())
    return {};
  std::ostringstream text;
  text << std::ifstream{path_of(ticket)}.rdbuf();
  const auto x = parse_object(text.str());
  if (!x)
    return {};
  session_memory result;
  result.agent = word_of(*x, "agent");
  result.session_id = session_id_of(*x, "session_id");
  if (const auto& value = member(*x, "fence"); value.is_number_integer()) // larger than any count
    result.fence = swarm::fence{value.get<std::int64_t>()};
  result.crashes = static_cast<int>(std::min<std::int64_t>(count_of(*x, "crashes"), 1'000));
  result.profile = static_cast<int>(std::min<std::int64_t>(count_of(*x, "profile"), 1'000));
  result.is_running = flag_of(*x, "is_running");
  result.resumes = flag_of(*x, "resumes");
  return result;
}

caf::expected<void> session_files::save(ticket_id ticket, const session_memory& x) const {
  if (folder_.empty())
    return caf::unit;
  const json text{{"agent", x.agent},     {"session_id", x.session_id}, {"fence", x.fence.value},
                  {"crashes", x.crashes}, {"is_running", x.is_running}, {"resumes", x.resumes},
                  {"profile", x.profile}};
  // Beside it first: half of a file would be a session lost.
  const auto path = path_of(ticket);
  const auto draft = fs::path{path} += ".new";
  std::error_code error;
  if (!(std::ofstream{draft} << text.dump() << std::flush))
    return make_error(errc::io_failed, "cannot write " + draft.string() + ", which the agent's session is kept in");
  fs::rename(draft, path, error);
  if (error)
    return make_error(errc::io_failed, "cannot write " + path.string() + ": " + error.message());
  return caf::unit;
}

void session_files::close(ticket_id ticket, fence run, const std::optional<session_memory>& x) const {
  const auto now = load(ticket);
  if (!now || now->fence != run)
    return;
  std::error_code ignored;
  if (!x)
    fs::remove(path_of(ticket), ignored);
  else
    (void) save(ticket, *x); // at worst the next run counts this one as a crash
}

} // namespace swarm::executors
