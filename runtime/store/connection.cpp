#include "runtime/store/connection.hpp"

#include "messages/mask_password.hpp"
#include "messages/text_file.hpp"
#include "runtime/store/sqlstate.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <sstream>
#include <utility>

namespace swarm::embedded {
extern const std::vector<text_file> statement_files;
} // namespace swarm::embedded

namespace swarm::store {

namespace {

using owned_result = std::unique_ptr<PGresult, decltype(&PQclear)>;

owned_result own(PGresult* x) {
  return {x, PQclear};
}

/// libpq ends its messages with a line feed and may add lines of context, indented; a sentence has one line.
std::string one_line(const char* message) {
  std::istringstream words{message == nullptr ? "" : message};
  std::string result;
  for (std::string word; words >> word;)
    result += (result.empty() ? "" : " ") + word;
  return result;
}

bool succeeded(const PGresult* x) {
  auto status = PQresultStatus(x);
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/// What libpq finds wrong with the form of a conninfo; empty when nothing.
std::string conninfo_problem(const std::string& conninfo) {
  char* message = nullptr;
  auto* options = PQconninfoParse(conninfo.c_str(), &message);
  auto result = mask_quotes(one_line(message), conninfo);
  PQconninfoFree(options);
  PQfreemem(message);
  return result;
}

/// Connections that fail at authentication or by name have no SQLSTATE in libpq 15; the server's words tell.
errc classify_connect_failure(std::string_view message) {
  if (message.find("too many connections for") != std::string_view::npos)
    return errc::database_unavailable;
  for (std::string_view hint : {"password authentication failed", "no pg_hba.conf entry", "Peer authentication failed",
                                "role \"", "database \"", "no password supplied", "certificate"})
    if (message.find(hint) != std::string_view::npos && message.find("starting up") == std::string_view::npos)
      return errc::database_denied;
  // The last one as in: invalid sslmode value: "x"
  for (std::string_view hint : {"invalid port", "invalid integer value", " value: \""})
    if (message.find(hint) != std::string_view::npos)
      return errc::invalid_input;
  return errc::database_unavailable;
}

} // namespace

std::string_view statement_text(statement_name name) {
  auto& files = embedded::statement_files;
  auto i = std::find_if(files.begin(), files.end(), [&](const text_file& x) {
    return x.name.substr(0, x.name.size() - 4) == name.name; // without ".sql"
  });
  CAF_ASSERT(i != files.end());
  return i->text;
}

caf::expected<connection> connection::open(const connection_settings& settings) {
  if (auto problem = conninfo_problem(settings.conninfo); !problem.empty())
    return make_error(errc::invalid_input, "cannot read the database's conninfo: " + problem);
  auto seconds = std::to_string(std::max<std::int64_t>(2, settings.connect_timeout.count() / 1000));
  // Defaults first, so that the user's own words override them. Keepalives AND tcp_user_timeout: each alone leaves a
  // cut cable unnoticed for longer than a lease lives.
  std::array<const char*, 10> keys{"application_name",    "connect_timeout",    "target_session_attrs",
                                   "keepalives_idle",     "keepalives_interval", "keepalives_count",
                                   "tcp_user_timeout",    "client_encoding",    "dbname",
                                   nullptr};
  std::array<const char*, 10> values{settings.application.c_str(), seconds.c_str(), "read-write", "5", "5", "3",
                                     "20000", "UTF8", settings.conninfo.c_str(), nullptr};
  connection result{PQconnectdbParams(keys.data(), values.data(), 1)};
  if (PQstatus(result.conn_) != CONNECTION_OK) {
    auto message = one_line(PQerrorMessage(result.conn_));
    return make_error(classify_connect_failure(message),
                      "cannot connect to the database: " + mask_quotes(message, settings.conninfo));
  }
  // libpq would print warnings and the server's last words to stderr; failures come back as errors anyway.
  PQsetNoticeReceiver(result.conn_, [](void*, const PGresult*) {}, nullptr);
  auto done = result.run(sql::session,
                         params::of(std::to_string(settings.statement_timeout.count()),
                                    std::to_string(settings.lock_timeout.count()),
                                    std::to_string(settings.idle_in_transaction_timeout.count()),
                                    settings.application, settings.role));
  if (!done)
    return std::move(done.error());
  return result;
}

connection::connection(connection&& other) noexcept
  : conn_(std::exchange(other.conn_, nullptr)), prepared_(std::move(other.prepared_)) {}

connection& connection::operator=(connection&& other) noexcept {
  std::swap(conn_, other.conn_);
  std::swap(prepared_, other.prepared_);
  return *this;
}

connection::~connection() {
  PQfinish(conn_);
}

bool connection::is_usable() const {
  return conn_ != nullptr && PQstatus(conn_) == CONNECTION_OK;
}

caf::error connection::failure(std::string_view what, const pg_result* x) const {
  auto field = [x](int which) {
    auto* text = x == nullptr ? nullptr : PQresultErrorField(x, which);
    return one_line(text);
  };
  auto code = field(PG_DIAG_SQLSTATE);
  auto message = field(PG_DIAG_MESSAGE_PRIMARY);
  if (code.starts_with("SW")) // our own functions speak in sentences for people
    return make_error(classify_sqlstate(code), std::move(message));
  if (message.empty())
    message = one_line(PQerrorMessage(conn_));
  else if (auto detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty())
    message += ": " + detail;
  auto category = PQstatus(conn_) == CONNECTION_OK ? classify_sqlstate(code) : errc::database_unavailable;
  std::string sentence{what};
  sentence += " failed: " + std::move(message);
  if (!code.empty())
    sentence += " (SQLSTATE " + code + ")";
  return make_error(category, std::move(sentence));
}

caf::expected<void> connection::prepare(statement_name name) {
  if (prepared_.contains(name.name))
    return caf::unit;
  std::string text{statement_text(name)};
  auto result = own(PQprepare(conn_, name.c_str(), text.c_str(), 0, nullptr));
  if (!succeeded(result.get()))
    return failure(name.name, result.get());
  prepared_.insert(name.name);
  return caf::unit;
}

caf::expected<rows> connection::run(statement_name name, const params& arguments) {
  if (auto ready = prepare(name); !ready)
    return std::move(ready.error());
  auto view = arguments.as_view();
  auto result = own(PQexecPrepared(conn_, name.c_str(), static_cast<int>(view.values.size()), view.values.data(),
                                   view.lengths.data(), view.formats.data(), 1));
  if (!succeeded(result.get()))
    return failure(name.name, result.get());
  return rows{result.release()};
}

caf::expected<std::vector<rows>> connection::transaction(const std::vector<call>& calls) {
  for (auto& x : calls)
    if (auto ready = prepare(x.statement); !ready)
      return std::move(ready.error());
  // Everything up to the sync point is one implicit transaction.
  PQenterPipelineMode(conn_);
  for (auto& x : calls) {
    auto view = x.arguments.as_view();
    PQsendQueryPrepared(conn_, x.statement.c_str(), static_cast<int>(view.values.size()), view.values.data(),
                        view.lengths.data(), view.formats.data(), 1);
  }
  PQpipelineSync(conn_);
  std::vector<rows> results;
  caf::error problem;
  for (auto& x : calls) {
    auto result = own(PQgetResult(conn_));
    if (!succeeded(result.get()) && !problem)
      problem = failure(x.statement.name, result.get());
    results.emplace_back(result.release());
    own(PQgetResult(conn_)); // the end mark of this statement
  }
  // The commit happens at the sync point. When it is refused, the error and its end mark come before that.
  for (int left = 3; left > 0; --left) {
    auto result = own(PQgetResult(conn_));
    if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC)
      break;
    if (result && !problem)
      problem = failure("commit", result.get());
  }
  if (PQexitPipelineMode(conn_) == 0 && !problem)
    problem = failure("pipeline", nullptr);
  if (problem)
    return problem;
  return results;
}

caf::expected<void> connection::script(std::string_view text, std::string_view what) {
  std::string copy{text};
  auto result = own(PQexec(conn_, copy.c_str()));
  if (!succeeded(result.get()))
    return failure(what, result.get());
  return caf::unit;
}

} // namespace swarm::store
