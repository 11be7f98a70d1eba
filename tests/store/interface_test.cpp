#define CAF_SUITE store_interface

#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();
};

/// What people build on: a line of this table changes only by what comes beside it.
const std::pair<std::string, std::string> public_functions[]{
  {"add_dependency", "(_parent_id bigint, _child_id bigint, _on_failure text DEFAULT 'block'::text) -> text"},
  {"approve", "(_ticket_id bigint, _by text DEFAULT SESSION_USER, _note text DEFAULT NULL::text) -> text and "
              "(_ticket_id bigint, _by text, _note text, _without_result boolean) -> text"},
  {"assert_current", "(_ticket_id bigint, _fence bigint) -> void"},
  {"cancel", "(_ticket_id bigint) -> text"},
  {"configure_queue", "(queue text, slots integer DEFAULT NULL::integer, slots_per_node integer DEFAULT NULL::integer, "
                      "slots_per_key integer DEFAULT NULL::integer, ageing interval DEFAULT NULL::interval, is_fair "
                      "boolean DEFAULT false, command_limits jsonb DEFAULT NULL::jsonb) -> void"},
  {"enqueue", "(kind text, payload jsonb DEFAULT '{}'::jsonb, queue text DEFAULT 'default'::text, priority "
              "integer DEFAULT 100, attempts integer DEFAULT 3, timeout interval DEFAULT '01:00:00'::interval, "
              "run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, deadline interval "
              "DEFAULT NULL::interval, queue_timeout interval DEFAULT NULL::interval, start_timeout interval "
              "DEFAULT NULL::interval, progress_timeout interval DEFAULT NULL::interval, needs bigint[] "
              "DEFAULT '{}'::bigint[], on_failure text DEFAULT 'block'::text, group_key text DEFAULT "
              "NULL::text, unique_key text DEFAULT NULL::text, on_conflict text DEFAULT 'return'::text) -> "
              "bigint"},
  {"enqueue_graph", "(name text, tickets jsonb) -> TABLE(graph_id bigint, key text, ticket_id bigint)"},
  {"pause_queue", "(_queue text, _reason text DEFAULT NULL::text, _by text DEFAULT SESSION_USER) -> boolean"},
  {"pause_schedule", "(_name text, _reason text DEFAULT NULL::text, _by text DEFAULT SESSION_USER) -> boolean"},
  {"reject", "(_ticket_id bigint, _by text, _why text) -> text"},
  {"release", "(_ticket_id bigint) -> text"},
  {"resume_queue", "(_queue text) -> boolean"},
  {"resume_schedule", "(_name text) -> boolean"},
  {"retry", "(_ticket_id bigint, _only_reason text DEFAULT NULL::text) -> text"},
  {"schedule", "(name text, cron text, ticket jsonb, time_zone text DEFAULT 'UTC'::text) -> timestamp with time "
               "zone"},
  {"spawn", "(_ticket_id bigint, _fence bigint, _kind text, _payload jsonb, _queue text DEFAULT NULL::text, "
            "_priority smallint DEFAULT NULL::smallint, _attempts_max smallint DEFAULT NULL::smallint, "
            "_timeout_ms bigint DEFAULT NULL::bigint, _extras jsonb DEFAULT '{}'::jsonb) -> bigint"},
  {"touched_by", "(_ticket_id bigint) -> TABLE(ticket_id bigint, key text, state text, effect text)"},
  {"unschedule", "(_name text) -> boolean"},
  {"why", "(_ticket_id bigint, _node_silent_ms bigint DEFAULT 120000) -> SETOF text"}};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_interface_tests, fixture)

CAF_TEST(the functions that people call have the parameters and results that people rely on) {
  for (auto& [name, signature] : public_functions)
    CAF_CHECK_EQUAL(
      s.ask("SELECT string_agg('(' || pg_get_function_arguments(oid) || ') -> ' || pg_get_function_result(oid), "
            "' and ' ORDER BY pronargs) FROM pg_proc WHERE pronamespace = 'swarm'::regnamespace AND proname = '"
            + name + "'"),
      signature);
}

CAF_TEST_FIXTURE_SCOPE_END()
