#define CAF_SUITE store_statements

#include "tests/fixtures/desk.hpp"

#include <libpq-fe.h>

#include <filesystem>
#include <limits>
#include <memory>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using store::params;
using store::rows;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  /// Runs any SQL with parameters, and answers in binary as `connection::run` does.
  rows query(const char* sql, const params& arguments = {}) {
    auto view = arguments.as_view();
    std::unique_ptr<PGresult, decltype(&PQclear)> result{
      PQexecParams(s.db.native(), sql, static_cast<int>(view.values.size()), nullptr, view.values.data(),
                   view.lengths.data(), view.formats.data(), 1),
      PQclear};
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
      throw std::runtime_error(PQresultErrorMessage(result.get()));
    return rows{result.release()};
  }

  /// Whether the server reads the parameter as the SQL expression.
  template <class T>
  bool is(const T& value, const std::string& type, const std::string& expression) {
    auto sql = "SELECT $1::" + type + " IS NOT DISTINCT FROM (" + expression + ")::" + type;
    return query(sql.c_str(), params::of(value)).truth(0, 0);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_statements_tests, fixture)

CAF_TEST(every statement fits the migrated schema) {
  int prepared = 0;
  for (auto& name : store::sql::all) {
    std::string text{store::statement_text(name)};
    std::unique_ptr<PGresult, decltype(&PQclear)> result{PQprepare(s.db.native(), "", text.c_str(), 0, nullptr),
                                                         PQclear};
    CAF_MESSAGE(name.name);
    CAF_CHECK_EQUAL(std::string{PQresultErrorMessage(result.get())}, "");
    CAF_CHECK(text.starts_with("-- "));
    ++prepared;
  }
  CAF_CHECK(prepared > 20);
}

CAF_TEST(every function file defines the function of its name) {
  int files = 0;
  for (auto& file : std::filesystem::directory_iterator{SWARM_SOURCE_DIR "/runtime/store/functions"}) {
    if (auto name = file.path().stem().string(); name.starts_with('~') || name.starts_with('_'))
      continue; // not a function: what they look at, and who may call them
    CAF_CHECK_EQUAL(s.ask("SELECT count(*) > 0 FROM pg_proc WHERE pronamespace = 'swarm'::regnamespace AND proname = '"
                          + file.path().stem().string() + "'"),
                    "t");
    ++files;
  }
  CAF_CHECK(files > 10);
}

CAF_TEST(scalars arrive as what they are) {
  CAF_CHECK(is(std::int64_t{0}, "bigint", "0"));
  CAF_CHECK(is(std::numeric_limits<std::int64_t>::min(), "bigint", "-9223372036854775808"));
  CAF_CHECK(is(std::numeric_limits<std::int64_t>::max(), "bigint", "9223372036854775807"));
  CAF_CHECK(is(std::int32_t{-7}, "integer", "-7"));
  CAF_CHECK(is(nullptr, "text", "NULL"));
  CAF_CHECK(is("", "text", "''"));
  CAF_CHECK(is(std::string{"it's \"$1\" \\ \xC3\xA9\n"}, "text", "E'it''s \"$1\" \\\\ \\u00e9\\n'"));
  CAF_CHECK(is(std::optional<std::int64_t>{}, "bigint", "NULL"));
  CAF_CHECK(is(std::optional<std::int64_t>{5}, "bigint", "5"));
  CAF_CHECK(is(std::optional<std::string>{}, "text", "NULL"));
}

CAF_TEST(arrays arrive as what they are) {
  CAF_CHECK(is(std::vector<std::int16_t>{-32768, 0, 32767}, "smallint[]", "'{-32768,0,32767}'"));
  CAF_CHECK(is(std::vector<std::int32_t>{-2147483648, 1}, "integer[]", "'{-2147483648,1}'"));
  CAF_CHECK(is(std::vector<std::optional<std::int32_t>>{1, {}, 3}, "integer[]", "'{1,NULL,3}'"));
  CAF_CHECK(is(std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min(), -1}, "bigint[]",
               "'{-9223372036854775808,-1}'"));
  CAF_CHECK(is(std::vector<std::string>{"", "NULL", "a,b", "{\"x\"}", "\xC3\xA9"}, "text[]",
               "ARRAY['', 'NULL', 'a,b', '{\"x\"}', E'\\u00e9']"));
  CAF_CHECK(is(std::vector<std::optional<std::string>>{"a", {}, ""}, "text[]", "ARRAY['a', NULL, '']"));
  CAF_CHECK(is(std::vector<std::string>{}, "text[]", "'{}'"));
  CAF_CHECK(is(std::vector<std::int64_t>{}, "bigint[]", "'{}'"));
  CAF_CHECK(is(std::vector<std::optional<std::int32_t>>{}, "integer[]", "'{}'"));
}

CAF_TEST(every byte survives the way there and back) {
  std::string all;
  for (int i = 0; i < 256; ++i)
    all.push_back(static_cast<char>(i));
  params arguments;
  arguments.add_bytes({all, "", all + all});
  auto found = query("SELECT x, length(x) FROM unnest($1::bytea[]) AS x", arguments);
  CAF_REQUIRE_EQUAL(found.size(), 3);
  CAF_CHECK(found.text(0, 0) == all);
  CAF_CHECK_EQUAL(found.number(0, 1), 256);
  CAF_CHECK(found.text(1, 0).empty() && !found.is_null(1, 0));
  CAF_CHECK(found.text(2, 0) == all + all);
}

CAF_TEST(a huge text survives the way there and back) {
  std::string huge;
  for (int i = 0; huge.size() < 32u << 20; ++i)
    huge += std::to_string(i) + " ";
  auto found = query("SELECT $1::text, ($2::text[])[1]", params::of(huge, std::vector<std::string>{huge}));
  CAF_CHECK(found.text(0, 0) == huge);
  CAF_CHECK(found.text(0, 1) == huge);
}

CAF_TEST(columns of every type are read) {
  auto found = query("SELECT 7::smallint, -7::integer, '-9223372036854775808'::bigint, true, false, 'x'::text, "
                     "NULL::text, NULL::bigint, '{}'::bigint[], '{1,-2,9223372036854775807}'::bigint[]");
  CAF_CHECK_EQUAL(found.number(0, 0), 7);
  CAF_CHECK_EQUAL(found.number(0, 1), -7);
  CAF_CHECK_EQUAL(found.number(0, 2), std::numeric_limits<std::int64_t>::min());
  CAF_CHECK(found.truth(0, 3) && !found.truth(0, 4));
  CAF_CHECK_EQUAL(found.text(0, 5), "x");
  CAF_CHECK(found.is_null(0, 6) && found.text(0, 6).empty() && !found.maybe_text(0, 6));
  CAF_CHECK(!found.maybe_number(0, 7));
  CAF_CHECK(found.maybe_number(0, 0) == 7 && found.maybe_text(0, 5) == "x");
  CAF_CHECK(found.numbers(0, 8).empty());
  CAF_CHECK(found.numbers(0, 9) == (std::vector<std::int64_t>{1, -2, std::numeric_limits<std::int64_t>::max()}));
  CAF_CHECK_EQUAL(rows{}.size(), 0);
}

CAF_TEST(a transaction in one round trip commits all) {
  new_ticket x;
  x.kind = "command";
  auto one = store::submit_arguments({"", {x}});
  auto found = must(s.db.transaction({{store::sql::submit, one}, {store::sql::submit, one},
                                      {store::sql::count_unfinished, {}}}));
  CAF_REQUIRE_EQUAL(found.size(), 3u);
  CAF_CHECK(found[0].numbers(0, 1) != found[1].numbers(0, 1));
  CAF_CHECK_EQUAL(found[2].number(0, 0), 2);
  CAF_CHECK_EQUAL(s.ask("SELECT count(DISTINCT xid) FROM swarm.ticket_events"), "1");
  CAF_CHECK(must(s.db.transaction({})).empty());
}

CAF_TEST(a transaction with a failing statement changes nothing and names the statement) {
  new_ticket good, bad;
  bad.queue = "Not A Queue";
  auto ok = store::submit_arguments({"", {good}}), refused = store::submit_arguments({"", {bad}});
  for (auto& calls : std::vector<std::vector<store::call>>{
         {{store::sql::submit, refused}, {store::sql::submit, ok}, {store::sql::promote, params::of(1)}},
         {{store::sql::submit, ok}, {store::sql::submit, refused}, {store::sql::promote, params::of(1)}},
         {{store::sql::submit, ok}, {store::sql::promote, params::of(1)}, {store::sql::submit, refused}}}) {
    auto found = s.db.transaction(calls);
    CAF_REQUIRE(!found);
    CAF_CHECK_EQUAL(failure_of(found), errc::constraint_violated);
    CAF_CHECK(sentence_of(found).starts_with("submit failed: "));
    CAF_CHECK(sentence_of(found).find("queue_name_is_plain") != std::string::npos);
    CAF_CHECK(s.db.is_usable());
    CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.tickets"), "0");
  }
  CAF_CHECK_EQUAL(must(s.db.transaction({{store::sql::submit, ok}})).size(), 1u);
  CAF_CHECK_EQUAL(s.claim(10).size(), 1u);
}

CAF_TEST(a transaction whose commit is refused says so and leaves the connection usable) {
  must(s.db.script("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not today''; "
                   "END'; CREATE CONSTRAINT TRIGGER late AFTER INSERT ON swarm.tickets DEFERRABLE INITIALLY DEFERRED "
                   "FOR EACH ROW EXECUTE FUNCTION refuse()",
                   "a late refusal"));
  auto found = s.db.transaction({{store::sql::submit, store::submit_arguments({"", {new_ticket{}}})}});
  CAF_REQUIRE(!found);
  CAF_CHECK(sentence_of(found).find("not today") != std::string::npos);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.tickets"), "0");
  CAF_CHECK_EQUAL(must(s.db.transaction({{store::sql::promote, params::of(1)}})).size(), 1u);
}

CAF_TEST(a batch that fills all buffers goes through one round trip) {
  new_graph big{"", std::vector<new_ticket>(2000)};
  for (auto& x : big.tickets)
    x.payload = "{\"x\": \"" + std::string(2000, 'x') + "\"}";
  std::vector<store::call> calls(5, {store::sql::submit, store::submit_arguments(big)});
  CAF_CHECK_EQUAL(must(s.db.transaction(calls)).size(), 5u);
  CAF_CHECK_EQUAL(s.claim(20'000).size(), 10'000u);
}

CAF_TEST_FIXTURE_SCOPE_END()
