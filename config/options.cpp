#include "config/options.hpp"

#include "config/values.hpp"

#include <algorithm>
#include <utility>

namespace swarm::config {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::uint64_t KiB = 1u << 10;
constexpr std::uint64_t MiB = KiB << 10;
constexpr std::uint64_t GiB = MiB << 10;
constexpr std::uint64_t TiB = MiB << 20;

// A section of the configuration and one of its members.
template <class Section, class T>
struct member {
  Section node_config::*section;
  T Section::*field;
};

template <class Section, class T>
option row(std::string key, option_type type, member<Section, T> where, T initial, std::string sentence) {
  option result;
  result.key = std::move(key);
  result.type = type;
  result.min = result.max = result.initial = std::move(initial);
  result.sentence = std::move(sentence);
  result.get = [where](const node_config& x) -> option_value { return x.*where.section.*where.field; };
  result.set = [where](node_config& x, const option_value& value) {
    x.*where.section.*where.field = std::get<T>(value);
  };
  return result;
}

template <class Section>
option integer(std::string key, Section node_config::*section, int Section::*field, int initial, int min, int max,
               std::string unit, std::string sentence) {
  auto result = row<Section, int>(std::move(key), option_type::integer, {section, field}, initial, std::move(sentence));
  result.min = min;
  result.max = max;
  result.unit = std::move(unit);
  return result;
}

template <class Section>
option duration(std::string key, Section node_config::*section, milliseconds Section::*field, milliseconds initial,
                milliseconds min, milliseconds max, std::string sentence) {
  auto result =
    row<Section, milliseconds>(std::move(key), option_type::duration, {section, field}, initial, std::move(sentence));
  result.min = min;
  result.max = max;
  return result;
}

template <class Section>
option size(std::string key, Section node_config::*section, std::uint64_t Section::*field, std::uint64_t initial,
            std::uint64_t min, std::uint64_t max, std::string sentence) {
  auto result =
    row<Section, std::uint64_t>(std::move(key), option_type::size, {section, field}, initial, std::move(sentence));
  result.min = min;
  result.max = max;
  return result;
}

template <class Section>
option text(std::string key, Section node_config::*section, std::string Section::*field, std::string initial,
            std::string sentence) {
  return row<Section, std::string>(std::move(key), option_type::text, {section, field}, std::move(initial),
                                   std::move(sentence));
}

template <class Section>
option choice(std::string key, Section node_config::*section, std::string Section::*field, std::string initial,
              std::vector<std::string_view> choices, std::string sentence) {
  auto result = text(std::move(key), section, field, std::move(initial), std::move(sentence));
  result.type = option_type::choice;
  result.choices = std::move(choices);
  return result;
}

template <class Section>
option path(std::string key, Section node_config::*section, std::filesystem::path Section::*field,
            std::string sentence) {
  return row<Section, std::filesystem::path>(std::move(key), option_type::path, {section, field}, {},
                                             std::move(sentence));
}

template <class Section>
option names(std::string key, Section node_config::*section, std::vector<std::string> Section::*field,
             std::vector<std::string> initial, std::string sentence) {
  return row<Section, std::vector<std::string>>(std::move(key), option_type::names, {section, field},
                                                std::move(initial), std::move(sentence));
}

template <class Section>
option levels(std::string key, Section node_config::*section, std::map<std::string, std::string> Section::*field,
              std::vector<std::string_view> subjects, std::vector<std::string_view> choices, std::string sentence) {
  auto result = row<Section, std::map<std::string, std::string>>(std::move(key), option_type::levels, {section, field},
                                                                 {}, std::move(sentence));
  result.subjects = std::move(subjects);
  result.choices = std::move(choices);
  return result;
}

option secret(option x) {
  x.secret = true;
  return x;
}

// key, section, member, default, least, most, what an integer counts; then the sentence.
std::vector<option> make_options() {
  constexpr auto database = &node_config::database;
  constexpr auto postgres = &node_config::postgres;
  constexpr auto node = &node_config::node;
  constexpr auto dispatcher = &node_config::dispatcher;
  constexpr auto heartbeat = &node_config::heartbeat;
  constexpr auto reaper = &node_config::reaper;
  constexpr auto sealer = &node_config::sealer;
  constexpr auto pruner = &node_config::pruner;
  constexpr auto scheduler = &node_config::scheduler;
  constexpr auto cascade = &node_config::cascade;
  constexpr auto completer = &node_config::completer;
  constexpr auto retry = &node_config::retry;
  constexpr auto breaker = &node_config::breaker;
  constexpr auto ticket = &node_config::ticket;
  constexpr auto command = &node_config::command;
  constexpr auto workspaces = &node_config::workspaces;
  constexpr auto secrets = &node_config::secrets;
  constexpr auto claude = &node_config::claude;
  constexpr auto supervisor = &node_config::supervisor;
  constexpr auto log = &node_config::log;
  const std::vector<std::string_view> log_levels{"trace", "debug", "info", "warn", "error", "off"};
  // The names of actors (`name` in their headers), and of what isn't one.
  const std::vector<std::string_view> log_components{
    "cascade", "command_executor", "completer", "control_socket", "dispatcher", "dynamic_supervisor", "heartbeat", "node",
    "notifier", "postgres", "pruner", "reaper", "scheduler", "sealer", "store", "supervisor", "ticket_worker",
    "ticket_workers", "watchdog", "workspace_sweeper"};
  return {
    secret(text("database.url", database, &database_config::url, "",
      "Connection string or URI for libpq; PG* variables fill what it leaves open; empty for the embedded PostgreSQL "
      "in the home directory.")),
    duration("database.connect_timeout", database, &database_config::connect_timeout, 5s, 1s, 5min,
      "How long one attempt to connect may take."),
    duration("database.statement_timeout", database, &database_config::statement_timeout, 30s, 100ms, 1h,
      "How long one statement may run before the database ends it; it is repeated then."),
    duration("database.lock_timeout", database, &database_config::lock_timeout, 10s, 10ms, 1h,
      "How long one statement may wait for a lock before the database ends it; it is repeated then."),
    duration("database.idle_in_transaction_timeout", database, &database_config::idle_in_transaction_timeout,
      30s, 100ms, 1h,
      "How long a transaction may sit idle before the database ends its session, so that a hung node holds no locks."),
    duration("database.reconnect_first", database, &database_config::reconnect_first, 100ms, 10ms, 1min,
      "Pause before the first attempt to reconnect; each further pause is longer."),
    duration("database.reconnect_max", database, &database_config::reconnect_max, 10s, 10ms, 10min,
      "Longest pause between attempts to reconnect."),

    path("postgres.bin_dir", postgres, &postgres_config::bin_dir,
      "Folder of initdb and postgres for the embedded PostgreSQL; empty to search for it."),
    size("postgres.shared_buffers", postgres, &postgres_config::shared_buffers, 128 * MiB, MiB, TiB,
      "Memory that the embedded PostgreSQL shares among its processes."),
    integer("postgres.max_connections", postgres, &postgres_config::max_connections, 100, 10, 10'000, "connections",
      "Connections that the embedded PostgreSQL accepts."),
    duration("postgres.start_timeout", postgres, &postgres_config::start_timeout, 60s, 1s, 1h,
      "How long the embedded PostgreSQL may take to accept connections, recovery after a crash included."),
    duration("postgres.stop_timeout", postgres, &postgres_config::stop_timeout, 60s, 1s, 1h,
      "How long the embedded PostgreSQL may take to stop."),

    text("node.name", node, &node_section::name, "",
      "Name of this node in logs, events and the list of nodes; empty for the host name."),
    names("node.queues", node, &node_section::queues, {"default"},
      "Queues that this node takes tickets from."),
    integer("node.slots", node, &node_section::slots, 4, 1, 10'000, "tickets",
      "Tickets that run at once, per queue."),
    duration("node.drain_timeout", node, &node_section::drain_timeout, 30s, 0s, 24h,
      "How long running tickets may finish at shutdown before they are handed back."),

    duration("dispatcher.poll_interval", dispatcher, &dispatcher_config::poll_interval, 1s, 10ms, 1min,
      "How often a queue is asked for tickets when no notification arrives."),
    duration("dispatcher.idle_poll_interval", dispatcher, &dispatcher_config::idle_poll_interval, 5s, 10ms, 10min,
      "The same after a minute in which no ticket came."),
    integer("dispatcher.claim_batch", dispatcher, &dispatcher_config::claim_batch, 100, 1, 1'000, "tickets",
      "Tickets that are claimed at once at most."),

    duration("heartbeat.interval", heartbeat, &heartbeat_config::interval, 30s, 100ms, 10min,
      "How often a node proves that it still works on its tickets."),
    duration("heartbeat.stale_after", heartbeat, &heartbeat_config::stale_after, 5min, 1s, 24h,
      "Without a heartbeat for this long a ticket counts as lost and is given to another worker."),

    duration("reaper.interval", reaper, &reaper_config::interval, 60s, 100ms, 1h,
      "How often lost tickets are looked for."),
    integer("reaper.batch", reaper, &reaper_config::batch, 1'000, 1, 100'000, "tickets",
      "Lost tickets that are taken back at once at most."),
    integer("reaper.reclaims_max", reaper, &reaper_config::reclaims_max, 3, 1, 100, "losses",
      "A ticket that loses its worker this often fails as poison."),
    duration("reaper.grace", reaper, &reaper_config::grace, 1min, 0s, 1h,
      "How long a worker may take to end work whose time is up, before the reaper ends its attempt."),
    duration("reaper.slow_after", reaper, &reaper_config::slow_after, 5s, 10ms, 10min,
      "While the database takes longer than this for a look at the leases, no ticket is taken away."),

    duration("scheduler.interval", scheduler, &scheduler_config::interval, 5s, 10ms, 1h,
      "How often it is looked whether something is due that nobody told of; what is known is on time."),

    duration("cascade.interval", cascade, &cascade_config::interval, 60s, 100ms, 24h,
      "How often a batch of blocked tickets is checked against its dependencies, and repaired if it differs."),
    duration("cascade.work_interval", cascade, &cascade_config::work_interval, 10s, 10ms, 1h,
      "How often work is looked for that the end of a ticket has left to the cascade, when nobody rings."),
    integer("cascade.batch", cascade, &cascade_config::batch, 1'000, 1, 100'000, "tickets",
      "Tickets that the cascade touches at once at most."),

    duration("sealer.interval", sealer, &sealer_config::interval, 10s, 100ms, 1h,
      "How often new events are added to the hash chain over the log."),

    duration("pruner.interval", pruner, &pruner_config::interval, 1h, 1s, 24h,
      "How often history is looked through for what may go."),
    duration("pruner.keep", pruner, &pruner_config::keep, 30 * 24h, 1min, 10 * 365 * 24h,
      "How long tickets are kept after their end, and the events with them."),

    integer("completer.batch", completer, &completer_config::batch, 500, 1, 10'000, "outcomes",
      "Outcomes that are written at once at most."),

    duration("retry.backoff_first", retry, &retry_config::backoff_first, 1s, 1ms, 24h,
      "Longest pause before a ticket is tried a second time, drawn at random; doubles with each further try."),
    duration("retry.backoff_max", retry, &retry_config::backoff_max, 5min, 1ms, 7 * 24h,
      "Longest pause between the attempts of a ticket."),
    integer("retry.check_errors_max", retry, &retry_config::check_errors_max, 3, 0, 100, "checks",
      "How often a check that gives no verdict is repeated before a person must judge its ticket."),
    integer("retry.infra_max", retry, &retry_config::infra_max, 200, 0, 1'000, "retries",
      "Retries that a ticket gets for trouble that isn't its own; they use no attempt."),
    duration("retry.infra_deadline", retry, &retry_config::infra_deadline, 24h, 0s, 30 * 24h,
      "How long a ticket may meet nothing but such trouble before it fails; 0 means without end."),
    duration("retry.deferral_first", retry, &retry_config::deferral_first, 15s, 1ms, 24h,
      "Longest first pause of a ticket that a rate limit, a credential or a budget puts off, unless told how long."),
    duration("retry.deferral_max", retry, &retry_config::deferral_max, 15min, 1ms, 7 * 24h,
      "Longest pause of such a ticket."),
    integer("retry.throttled_max", retry, &retry_config::throttled_max, 1'000, 0, 30'000, "deferrals",
      "How often a ticket may be put off by rate limits."),
    integer("retry.auth_max", retry, &retry_config::auth_max, 100, 0, 30'000, "deferrals",
      "How often a ticket may be put off by a refused credential."),
    integer("retry.budget_max", retry, &retry_config::budget_max, 100, 0, 30'000, "deferrals",
      "How often a ticket may be put off by an exhausted budget."),

    integer("breaker.failures_max", breaker, &breaker_config::failures_max, 5, 1, 1'000, "failures",
      "Failures of a service in a row that open its breaker: tickets that need it aren't started then."),
    duration("breaker.pause_first", breaker, &breaker_config::pause_first, 30s, 1ms, 24h,
      "How long it stays open before one ticket tries; doubled each time that this fails. What the service says wins."),
    duration("breaker.pause_max", breaker, &breaker_config::pause_max, 15min, 1ms, 7 * 24h,
      "The longest such pause; also where people must mend something, as after a refused credential."),

    integer("ticket.attempts", ticket, &ticket_config::attempts, 3, 1, 100, "attempts",
      "Attempts of a ticket that doesn't say otherwise."),
    duration("ticket.timeout", ticket, &ticket_config::timeout, 1h, 0s, 30 * 24h,
      "How long one attempt of a ticket that doesn't say otherwise may take, checks included; 0 for no limit."),

    size("command.output_head", command, &command_config::output_head, 64 * KiB, 0, 16 * MiB,
      "Bytes that are kept from the beginning of a command's output."),
    size("command.output_tail", command, &command_config::output_tail, 192 * KiB, 0, 16 * MiB,
      "Bytes that are kept from the end of a command's output."),
    size("command.output_file", command, &command_config::output_file, 64 * MiB, 0, TiB,
      "Bytes of an attempt's output that go to a file in the home directory; those beyond are counted only."),
    size("command.outputs_kept", command, &command_config::outputs_kept, 1024 * MiB, 0, TiB,
      "Bytes that these files may take after the end of their attempts; the oldest go first. A file stays only when it "
      "holds more than what command.output_head and command.output_tail have kept."),
    duration("command.interrupt_grace", command, &command_config::interrupt_grace, 10s, 0s, 10min,
      "How long a command that is stopped may take after SIGINT before it gets SIGTERM."),
    duration("command.terminate_grace", command, &command_config::terminate_grace, 10s, 0s, 10min,
      "How long a command that is stopped may take after SIGTERM before it is killed."),

    path("workspaces.root", workspaces, &workspaces_config::root,
      "Directory for the workspaces of tickets; empty for workspaces in the home directory. Homes that name the same one "
      "have a folder each in it."),
    duration("workspaces.keep", workspaces, &workspaces_config::keep, 7 * 24h, 0s, 10 * 365 * 24h,
      "How long the workspace of a ticket that has ended is kept after the last change in it."),
    size("workspaces.size_max", workspaces, &workspaces_config::size_max, 20 * GiB, 0, TiB,
      "Beyond this the workspaces of tickets that have ended go sooner, the oldest first. Those that run aren't "
      "touched."),
    duration("workspaces.interval", workspaces, &workspaces_config::interval, 1h, 1s, 24h,
      "How often workspaces are looked through for what may go; also when the node starts."),

    names("secrets.variables", secrets, &secrets_config::variables,
      {"ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "PGPASSWORD"},
      "Variables of the node whose values are never stored or logged, besides all that begin with SWARM_SECRET_."),

    text("claude.base_url", claude, &claude_config::base_url, "https://api.anthropic.com",
      "Where tickets of kind claude reach the API; plain http is spoken with this machine only."),
    text("claude.version", claude, &claude_config::version, "2023-06-01",
      "Version of the API, sent as anthropic-version."),
    text("claude.api_key_env", claude, &claude_config::api_key_env, "ANTHROPIC_API_KEY",
      "Variable of the node's environment that holds the key of the API."),
    path("claude.api_key_file", claude, &claude_config::api_key_file,
      "File that holds the key; it goes before the variable and is read for every attempt."),
    text("claude.model", claude, &claude_config::model, "claude-sonnet-5-5",
      "Model of tickets that name none."),
    path("claude.price_file", claude, &claude_config::price_file,
      "YAML file with what models cost, by date; empty for the prices that came with the program. A model without a price "
      "is refused."),
    duration("claude.first_byte_timeout", claude, &claude_config::first_byte_timeout, 90s, 1s, 30min,
      "How long the API may take to begin an answer."),
    duration("claude.idle_timeout", claude, &claude_config::idle_timeout, 3min, 1s, 1h,
      "How long an answer of the API may stop, pings included."),

    integer("supervisor.restarts_max", supervisor, &supervisor_config::restarts_max, 5, 0, 1'000, "restarts",
      "Restarts of its children that a supervisor accepts within supervisor.period."),
    duration("supervisor.period", supervisor, &supervisor_config::period, 30s, 1s, 1h,
      "The time in which supervisor.restarts_max restarts are accepted."),
    duration("supervisor.backoff_first", supervisor, &supervisor_config::backoff_first, 100ms, 1ms, 1min,
      "Pause before a child is restarted again; each further pause is longer."),
    duration("supervisor.backoff_max", supervisor, &supervisor_config::backoff_max, 10s, 1ms, 10min,
      "Longest pause before a child is restarted."),
    duration("supervisor.stuck_after", supervisor, &supervisor_config::stuck_after, 60s, 1s, 1h,
      "An actor that handles one message for this long is stuck: it is replaced, or the node ends if that can't be "
      "done. Must be longer than a statement of the database may take."),

    choice("log.level", log, &log_config::level, "info", log_levels,
      "Lines below this level aren't logged."),
    levels("log.levels", log, &log_config::levels, log_components, log_levels,
      "Levels of single components, e.g. {store: debug}."),
    choice("log.format", log, &log_config::format, "text", {"text", "json"},
      "Lines for people or one JSON object per line."),
    path("log.file", log, &log_config::file,
      "Log file; empty for log/swarm.log in the home directory."),
    size("log.file_size_max", log, &log_config::file_size_max, 16 * MiB, 64 * KiB, TiB,
      "A log file of this size is put aside and a new one begun."),
    integer("log.files_max", log, &log_config::files_max, 5, 1, 1'000, "files",
      "Log files that are kept, the current one included."),
  };
}

} // namespace

std::string_view option::section() const {
  return std::string_view{key}.substr(0, key.find('.'));
}

std::string_view option::name() const {
  return std::string_view{key}.substr(key.find('.') + 1);
}

std::string option::environment_name() const {
  std::string result = "SWARM_";
  for (const char c : key)
    result += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return result;
}

const std::vector<option>& options() {
  static const auto table = make_options();
  return table;
}

const option* find_option(std::string_view key) {
  const auto& table = options();
  const auto found = std::find_if(table.begin(), table.end(), [key](const option& x) { return x.key == key; });
  return found == table.end() ? nullptr : &*found;
}

} // namespace swarm::config
