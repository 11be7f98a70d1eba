#define CAF_SUITE workspace_git

#include "runtime/workspace/git_repository.hpp"
#include "runtime/workspace/sweep.hpp"
#include "runtime/workspace/workspace.hpp"
#include "tests/runtime/workspace_fixture.hpp"

#include <algorithm>
#include <thread>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::workspace;

namespace {

void must(int code) {
  if (code != 0)
    throw std::runtime_error(render(libgit2_error("go on with the test", code)));
}

repository_ptr opened(const fs::path& path) {
  auto result = open_repository(path);
  if (!result)
    throw std::runtime_error(render(result.error()));
  return std::move(*result);
}

/// What the developer has told git isn't asked.
void forget_configuration() {
  git_libgit2_init();
  for (const auto level : {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL})
    must(git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, ""));
}

/// An empty repository with a branch main.
void make_repository(const fs::path& path) {
  git_repository_init_options options{};
  git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
  options.flags = GIT_REPOSITORY_INIT_MKPATH;
  options.initial_head = "main";
  git_repository* made = nullptr;
  must(git_repository_init_ext(&made, path.c_str(), &options));
  repository_ptr{made};
}

/// Writes a file into a working directory and commits it. @returns the commit.
std::string commit(const fs::path& directory, const std::string& file, const std::string& text) {
  write_text(directory / file, text);
  const auto repository = opened(directory);
  git_index* index = nullptr;
  must(git_repository_index(&index, repository.get()));
  must(git_index_add_bypath(index, file.c_str()));
  must(git_index_write(index));
  git_oid tree_id;
  must(git_index_write_tree(&tree_id, index));
  git_index_free(index);
  git_tree* tree = nullptr;
  must(git_tree_lookup(&tree, repository.get(), &tree_id));
  git_signature* author = nullptr;
  must(git_signature_new(&author, "somebody", "somebody@example.org", 1'000'000'000, 0));
  auto parent = find_commit(repository.get(), {});
  const git_commit* parents[] = {parent ? parent->get() : nullptr};
  git_oid made;
  const auto count = parent ? 1u : 0u;
  must(git_commit_create(&made, repository.get(), "HEAD", author, author, nullptr, "work", tree, count, parents));
  git_signature_free(author);
  git_tree_free(tree);
  return to_hex(made);
}

/// Empty when there is no such branch.
std::string tip_of(const fs::path& directory, const std::string& branch) {
  auto found = find_commit(opened(directory).get(), branch);
  return found ? to_hex(*git_commit_id(found->get())) : std::string{};
}

std::vector<std::string> worktrees_of(const fs::path& directory) {
  git_strarray names{};
  must(git_worktree_list(&names, opened(directory).get()));
  std::vector<std::string> result{names.strings, names.strings + names.count};
  git_strarray_dispose(&names);
  std::sort(result.begin(), result.end());
  return result;
}

struct scene : workspace_scene {
  fs::path source = scratch.path() / "source";
  std::string first;

  scene() {
    forget_configuration();
    make_repository(source);
    fs::create_directory(source / "src");
    first = commit(source, "src/main.c", "one");
  }

  workspace_spec of_attempt(std::int32_t attempt, retry_rule on_retry, std::string base = "main") const {
    return {ticket_id{42}, attempt, {workspace_kind::git_worktree, source.string(), std::move(base), on_retry}};
  }

  prepared_workspace made(const workspace_spec& x) const {
    auto result = prepare(root, x);
    if (!result)
      throw std::runtime_error(render(result.error()));
    return *result;
  }

  errc refusal(const workspace_spec& x) const {
    auto result = prepare(root, x);
    if (!result)
      CAF_MESSAGE(render(result.error()));
    return result ? errc::none : code_of(result.error());
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(workspace_git_tests, scene)

CAF_TEST(a worktree has the files of its base and a branch of its attempt) {
  const auto second = commit(source, "src/main.c", "two");
  const auto x = made(of_attempt(3, retry_rule::reset));
  CAF_CHECK_EQUAL(x.path, root / "ticket-42");
  CAF_CHECK_EQUAL(x.branch, "swarm/ticket-42-attempt-3");
  CAF_CHECK_EQUAL(x.base_commit, second);
  CAF_CHECK_EQUAL(text_of(x.path / "src/main.c"), "two");
  CAF_CHECK_EQUAL(mode_of(x.path), 0700u);
  CAF_CHECK_EQUAL(tip_of(x.path, {}), second);
  git_status_options options{};
  git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
  git_status_list* changes = nullptr;
  must(git_status_list_new(&changes, opened(x.path).get(), &options));
  CAF_CHECK_EQUAL(git_status_list_entrycount(changes), 0u);
  git_status_list_free(changes);
}

CAF_TEST(commits of a worktree are on its branch and leave the repository where it was) {
  const auto x = made(of_attempt(1, retry_rule::reset));
  const auto work = commit(x.path, "new.c", "work");
  CAF_CHECK_EQUAL(tip_of(source, x.branch), work);
  CAF_CHECK_EQUAL(tip_of(source, "main"), first);
  CAF_CHECK(!is_there(source / "new.c"));
}

CAF_TEST(a base can be a branch or a commit and is what the repository is at by default) {
  const auto second = commit(source, "src/main.c", "two");
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::reset, first)).base_commit, first);
  CAF_CHECK_EQUAL(text_of(root / "ticket-42" / "src/main.c"), "one");
  CAF_CHECK_EQUAL(made(of_attempt(2, retry_rule::reset, "main")).base_commit, second);
  CAF_CHECK_EQUAL(made(of_attempt(3, retry_rule::reset, "")).base_commit, second);
}

CAF_TEST(reset gives a fresh worktree and leaves the branch of the attempt before) {
  const auto before = made(of_attempt(1, retry_rule::reset));
  const auto work = commit(before.path, "new.c", "work");
  write_text(before.path / "src/main.c", "uncommitted");
  const auto x = made(of_attempt(2, retry_rule::reset));
  CAF_CHECK_EQUAL(x.branch, "swarm/ticket-42-attempt-2");
  CAF_CHECK_EQUAL(text_of(x.path / "src/main.c"), "one");
  CAF_CHECK(!is_there(x.path / "new.c"));
  CAF_CHECK_EQUAL(tip_of(source, before.branch), work);
  CAF_CHECK_EQUAL(worktrees_of(source).size(), 1u);
}

CAF_TEST(keep goes on with everything on a branch of its own and remembers the base) {
  const auto before = made(of_attempt(1, retry_rule::keep));
  const auto work = commit(before.path, "new.c", "work");
  write_text(before.path / "src/main.c", "uncommitted");
  commit(source, "src/main.c", "two");
  const auto x = made(of_attempt(2, retry_rule::keep));
  CAF_CHECK_EQUAL(x.branch, "swarm/ticket-42-attempt-2");
  CAF_CHECK_EQUAL(x.base_commit, first);
  CAF_CHECK_EQUAL(text_of(x.path / "src/main.c"), "uncommitted");
  const auto more = commit(x.path, "more.c", "work");
  CAF_CHECK_EQUAL(tip_of(source, x.branch), more);
  CAF_CHECK_EQUAL(tip_of(source, before.branch), work);
}

CAF_TEST(an attempt that is repeated under its number keeps its branch or gets another one) {
  const auto before = made(of_attempt(1, retry_rule::keep));
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::keep)).branch, before.branch);
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::reset)).branch, before.branch);
  const auto work = commit(before.path, "new.c", "work");
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::keep)).branch, before.branch);
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::reset)).branch, before.branch + ".2");
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::keep)).branch, before.branch + ".2");
  CAF_CHECK_EQUAL(tip_of(source, before.branch), work);
  // Not the first attempt, although its name begins so.
  CAF_CHECK_EQUAL(made(of_attempt(10, retry_rule::keep)).branch, "swarm/ticket-42-attempt-10");
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::keep)).branch, before.branch + ".2");
}

CAF_TEST(a branch that somebody looks at is not taken away from him) {
  const auto before = made(of_attempt(1, retry_rule::reset));
  CAF_REQUIRE(discard(before.path));
  must(git_repository_set_head(opened(source).get(), ("refs/heads/" + before.branch).c_str()));
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::reset)).branch, before.branch + ".2");
}

CAF_TEST(a worktree that was discarded is forgotten with the next one) {
  const auto before = made(of_attempt(1, retry_rule::reset));
  auto other = of_attempt(1, retry_rule::reset);
  other.ticket = ticket_id{43};
  made(other);
  CAF_REQUIRE(discard(before.path));
  CAF_CHECK(!is_there(before.path));
  other.ticket = ticket_id{44};
  made(other);
  CAF_CHECK_EQUAL(worktrees_of(source), (std::vector<std::string>{"ticket-43", "ticket-44"}));
  CAF_CHECK_EQUAL(tip_of(source, before.branch), first);
}

CAF_TEST(a worktree that is swept is forgotten at once and its branches stay) {
  const auto gone = made(of_attempt(1, retry_rule::keep));
  const auto work = commit(gone.path, "new.c", "work");
  made(of_attempt(2, retry_rule::keep));
  auto other = of_attempt(1, retry_rule::reset);
  other.ticket = ticket_id{43};
  made(other);
  const auto report = sweep(root, {{ticket_id{43}}, {ticket_id{42}}}, std::chrono::system_clock::now());
  CAF_REQUIRE(report);
  CAF_CHECK_EQUAL(report->removed.size(), 1u);
  CAF_CHECK(report->problems.empty());
  CAF_CHECK(!is_there(gone.path));
  CAF_CHECK_EQUAL(worktrees_of(source), std::vector<std::string>{"ticket-43"});
  CAF_CHECK_EQUAL(tip_of(source, gone.branch), work);
  CAF_CHECK_EQUAL(tip_of(source, "swarm/ticket-42-attempt-2"), work);
  CAF_CHECK_EQUAL(made(of_attempt(3, retry_rule::reset)).branch, "swarm/ticket-42-attempt-3");
}

CAF_TEST(what a swept workspace says of its repository is believed only if that says the same) {
  const auto theirs = made(of_attempt(1, retry_rule::reset));
  const auto registered = source / ".git" / "worktrees" / "ticket-42";
  const std::string named[] = {"gitdir: " + registered.string() + "\n",
                               "gitdir: " + (outside / "worktrees" / "folder").string() + "\n",
                               "gitdir: " + (outside / "worktrees").string() + "/..\n",
                               "gitdir: ../outside/worktrees/folder\n",
                               "gitdir: " + outside.string() + "\n",
                               "gitdir: \n",
                               "",
                               std::string(100'000, 'x')};
  fs::create_directories(outside / "worktrees" / "folder");
  write_text(outside / "worktrees" / "folder" / "gitdir", (root / "ticket-8" / ".git").string() + "\n");
  for (const auto& text : named) {
    write_text(prepared(7) / ".git", text);
    const auto report = sweep(root, {{ticket_id{42}}, {ticket_id{7}}}, std::chrono::system_clock::now());
    CAF_REQUIRE(report);
    CAF_CHECK(!is_there(root / "ticket-7"));
    CAF_CHECK(is_there(registered / "HEAD"));
    CAF_CHECK(is_there(outside / "worktrees" / "folder" / "gitdir"));
  }
  CAF_CHECK_EQUAL(tip_of(theirs.path, {}), first);
  CAF_CHECK(is_outside_untouched());
}

CAF_TEST(nodes with tickets of the same number can share a repository) {
  const auto x = made(of_attempt(1, retry_rule::reset));
  const auto y = prepare(scratch.path() / "another_root", of_attempt(1, retry_rule::reset));
  CAF_REQUIRE(y);
  CAF_CHECK_EQUAL(y->branch, x.branch + ".2");
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::keep)).branch, x.branch);
  CAF_CHECK_EQUAL(worktrees_of(source).size(), 2u);
}

CAF_TEST(worktrees of one repository can be made at the same time) {
  std::vector<std::thread> threads;
  std::vector<caf::expected<prepared_workspace>> results(8, prepared_workspace{});
  for (std::size_t i = 0; i < results.size(); ++i)
    threads.emplace_back([&, i] {
      auto x = of_attempt(1, retry_rule::reset);
      x.ticket = ticket_id{static_cast<std::int64_t>(i) + 1};
      results[i] = prepare(root, x);
    });
  for (auto& thread : threads)
    thread.join();
  for (const auto& x : results)
    CAF_CHECK_EQUAL(x ? text_of(x->path / "src/main.c") : render(x.error()), "one");
  CAF_CHECK_EQUAL(worktrees_of(source).size(), results.size());
}

CAF_TEST(a worktree whose making was interrupted is made again) {
  const auto x = made(of_attempt(1, retry_rule::keep));
  CAF_REQUIRE(fs::remove(source / ".git/worktrees/ticket-42/swarm-base"));
  fs::remove(x.path / "src/main.c");
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::keep)).branch, x.branch);
  CAF_CHECK_EQUAL(text_of(x.path / "src/main.c"), "one");
  fs::remove_all(source / ".git/worktrees/ticket-42");
  fs::remove_all(x.path / "src");
  CAF_CHECK_EQUAL(made(of_attempt(1, retry_rule::keep)).branch, x.branch);
  CAF_CHECK_EQUAL(text_of(x.path / "src/main.c"), "one");
}

CAF_TEST(what is no worktree of the repository is not kept and not removed) {
  write_text(prepared(42) / "half", "done");
  CAF_CHECK_EQUAL(refusal(of_attempt(1, retry_rule::keep)), errc::conflict);
  CAF_CHECK_EQUAL(text_of(root / "ticket-42" / "half"), "done");
  CAF_CHECK_EQUAL(refusal(of_attempt(1, retry_rule::reset)), errc::none);
}

CAF_TEST(an attempt cannot turn its worktree into one of another repository) {
  const auto x = made(of_attempt(1, retry_rule::keep));
  const auto victim = scratch.path() / "victim";
  make_repository(victim);
  commit(victim, "file", "text");
  const auto refused = [&] { return refusal(of_attempt(2, retry_rule::keep)); };
  write_text(x.path / ".git", "gitdir: " + (victim / ".git").string() + "\n");
  CAF_CHECK_EQUAL(refused(), errc::conflict);
  fs::remove(x.path / ".git");
  CAF_CHECK_EQUAL(refused(), errc::conflict);
  fs::create_directory_symlink(victim / ".git", x.path / ".git");
  CAF_CHECK_EQUAL(refused(), errc::conflict);
  CAF_CHECK_EQUAL(tip_of(victim, "swarm/ticket-42-attempt-2"), "");
  CAF_CHECK_EQUAL(refusal(of_attempt(2, retry_rule::reset)), errc::none);
  CAF_CHECK_EQUAL(text_of(victim / "file"), "text");
}

CAF_TEST(repositories and bases that are not there are named and nothing is left) {
  auto x = of_attempt(1, retry_rule::keep);
  x.wanted.repository = (scratch.path() / "nowhere").string();
  CAF_CHECK_EQUAL(refusal(x), errc::not_found);
  x.wanted.repository = "source";
  CAF_CHECK_EQUAL(refusal(x), errc::invalid_input);
  CAF_CHECK_EQUAL(refusal(of_attempt(1, retry_rule::keep, "mian")), errc::not_found);
  CAF_CHECK_EQUAL(refusal(of_attempt(1, retry_rule::keep, "main:src/main.c")), errc::invalid_input);
  make_repository(scratch.path() / "empty");
  x.wanted.repository = (scratch.path() / "empty").string();
  x.wanted.base = {};
  CAF_CHECK_EQUAL(refusal(x), errc::not_found);
  CAF_CHECK(!is_there(root / "ticket-42"));
}

CAF_TEST(the repository of another user is refused) {
  if (::geteuid() != 0)
    return;
  CAF_REQUIRE_EQUAL(::chown(source.c_str(), 65534, 65534), 0);
  CAF_REQUIRE_EQUAL(::chown((source / ".git").c_str(), 65534, 65534), 0);
  CAF_CHECK_EQUAL(refusal(of_attempt(1, retry_rule::keep)), errc::not_permitted);
}

CAF_TEST_FIXTURE_SCOPE_END()
