#define CAF_SUITE workspaces

#include "runtime/workspace/workspaces.hpp"
#include "tests/runtime/workspace_fixture.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::workspace;
using namespace std::chrono_literals;

namespace {

struct scene : workspace_scene {
  std::shared_ptr<workspaces> all = std::make_shared<workspaces>(root);
  std::map<ticket_id, bool> ends; ///< What the database says.
  std::vector<std::vector<ticket_id>> asked;
  std::function<void()> meanwhile = [] {}; ///< Happens after the first question.
  bool is_stopped = false;

  ask_for_ends ask() {
    return [this](const std::vector<ticket_id>& tickets) -> caf::expected<std::map<ticket_id, bool>> {
      asked.push_back(tickets);
      std::map<ticket_id, bool> result;
      for (const auto x : tickets)
        if (const auto found = ends.find(x); found != ends.end())
          result.insert(*found);
      if (asked.size() == 1)
        meanwhile();
      return result;
    };
  }

  /// Of each number of tickets that went, in the order of removal.
  std::vector<std::int64_t> swept(std::chrono::seconds age_max = -1s) {
    asked.clear();
    const auto now = std::chrono::system_clock::now();
    auto report = all->sweep(age_max, UINT64_MAX, ask(), [this] { return is_stopped; }, now);
    if (!report)
      throw std::runtime_error(render(report.error()));
    std::vector<std::int64_t> result;
    for (const auto& x : report->removed)
      result.push_back(x.ticket.value);
    return result;
  }

  caf::expected<prepared_workspace> made(std::int64_t ticket) {
    return all->prepare({ticket_id{ticket}, 1, {workspace_kind::dir}});
  }
};

using numbers = std::vector<std::int64_t>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(workspaces_tests, scene)

CAF_TEST(only workspaces of tickets that are final or gone are swept) {
  for (const auto ticket : {1, 2, 3})
    CAF_REQUIRE(made(ticket));
  ends = {{ticket_id{1}, false}, {ticket_id{2}, true}};
  CAF_CHECK_EQUAL(swept(1h), numbers{3});
  CAF_CHECK_EQUAL(swept(), numbers{2});
  CAF_CHECK(is_there(all->path_of(ticket_id{1})));
}

CAF_TEST(nobody asks the database where there is nothing to sweep) {
  CAF_CHECK_EQUAL(swept(), numbers{});
  CAF_CHECK(asked.empty());
}

CAF_TEST(a workspace stays while somebody is in it whatever the database says) {
  auto hold = made(1)->hold;
  CAF_REQUIRE(hold);
  CAF_CHECK_EQUAL(swept(), numbers{});
  hold.reset();
  CAF_CHECK_EQUAL(swept(), numbers{1});
}

CAF_TEST(a ticket that is revived while files are counted keeps its workspace) {
  CAF_REQUIRE(made(1));
  ends = {{ticket_id{1}, true}};
  meanwhile = [this] { ends[ticket_id{1}] = false; };
  CAF_CHECK_EQUAL(swept(), numbers{});
  CAF_CHECK(is_there(all->path_of(ticket_id{1})));
}

CAF_TEST(nobody prepares a workspace that is being removed) {
  CAF_REQUIRE(made(1));
  errc refused = errc::none;
  auto ask_and_try = [&](const std::vector<ticket_id>& x) -> caf::expected<std::map<ticket_id, bool>> {
    asked.push_back(x);
    if (asked.size() == 2) { // it is held for its removal now
      auto again = made(1);
      refused = again ? errc::none : code_of(again.error());
    }
    return std::map<ticket_id, bool>{};
  };
  CAF_REQUIRE(all->sweep(0s, 0, ask_and_try, [] { return false; }, std::chrono::system_clock::now()));
  CAF_CHECK_EQUAL(refused, errc::io_failed);
  CAF_CHECK(made(1));
}

CAF_TEST(two attempts of a ticket are never in one workspace) {
  auto first = made(1);
  CAF_REQUIRE(first);
  auto second = made(1);
  CAF_REQUIRE(!second);
  CAF_CHECK_EQUAL(code_of(second.error()), errc::io_failed);
  CAF_CHECK(made(2));
  first->hold.reset();
  CAF_CHECK(made(1));
}

CAF_TEST(an attempt whose workspace could not be made holds nothing) {
  fs::create_directory(root);
  write_text(root / "ticket-1", "a file");
  CAF_CHECK_EQUAL(code_of(made(1).error()), errc::conflict);
  fs::remove(root / "ticket-1");
  CAF_CHECK(made(1));
}

CAF_TEST(a root that cannot be used is no fault of the ticket) {
  fs::create_directory(root);
  fs::permissions(root, fs::perms{0777});
  auto x = made(1);
  CAF_REQUIRE(!x);
  CAF_CHECK_EQUAL(code_of(x.error()), errc::io_failed);
  CAF_CHECK(render(x.error()).find("must belong to the user that swarm runs as") != std::string::npos);
}

CAF_TEST(a sweep that is stopped removes nothing more) {
  CAF_REQUIRE(made(1));
  is_stopped = true;
  CAF_CHECK_EQUAL(swept(), numbers{});
  is_stopped = false;
  CAF_CHECK_EQUAL(swept(), numbers{1});
}

CAF_TEST(a database that does not answer keeps everything) {
  CAF_REQUIRE(made(1));
  const auto report = all->sweep(0s, 0, [](auto&) -> caf::expected<std::map<ticket_id, bool>> {
    return make_error(errc::database_unavailable, "the database is away");
  }, [] { return false; }, std::chrono::system_clock::now());
  CAF_REQUIRE(!report);
  CAF_CHECK_EQUAL(code_of(report.error()), errc::database_unavailable);
  CAF_CHECK(is_there(all->path_of(ticket_id{1})));
}

CAF_TEST_FIXTURE_SCOPE_END()
