#define CAF_SUITE diff_check

#include "runtime/checks/diff_check.hpp"

#include "runtime/checks/glob.hpp"
#include "tests/fixtures/scratch_folder.hpp"
#include "tests/fixtures/seed.hpp"
#include "tests/runtime/command_fixture.hpp"

#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::checks;
namespace fs = std::filesystem;
using namespace std::string_literals;

namespace {

using paths = std::vector<std::string>;

bool matches(std::string_view pattern, std::string_view path) {
  const auto parsed = glob::parse(pattern);
  CAF_REQUIRE(parsed);
  return parsed->matches(path);
}

/// The rule itself, without any care for time.
bool matches_slowly(std::string_view pattern, std::string_view path, bool is_at_segment = true) {
  if (pattern.empty())
    return path.empty();
  if (is_at_segment && pattern.starts_with("**/")) {
    if (matches_slowly(pattern.substr(3), path))
      return true;
    const auto slash = path.find('/');
    return slash != path.npos && slash > 0 && matches_slowly(pattern, path.substr(slash + 1));
  }
  const auto is_double = pattern.starts_with("**");
  if (is_double || pattern.front() == '*') {
    if (matches_slowly(pattern.substr(is_double ? 2 : 1), path, false))
      return true;
    return !path.empty() && (is_double || path.front() != '/') && matches_slowly(pattern, path.substr(1), false);
  }
  if (path.empty() || (pattern.front() == '?' ? path.front() == '/' : pattern.front() != path.front()))
    return false;
  return matches_slowly(pattern.substr(1), path.substr(1), pattern.front() == '/');
}

command_result said(std::string output) {
  command_result result;
  result.output_bytes = output.size();
  result.output = std::move(output);
  return result;
}

/// A repository, and git as a node runs it.
struct repository {
  swarm::test::scratch_folder scratch;

  repository() { git("init -q -b main . && git config user.name x && git config user.email x@x"); }

  void git(const std::string& arguments) {
    if (std::system(("cd '" + scratch.path().string() + "' && git " + arguments).c_str()) != 0)
      throw std::runtime_error("git " + arguments);
  }

  command_result run(const std::vector<std::string>& argv) {
    executors::command_runner runner{{}};
    command_spec spec;
    spec.argv = argv;
    spec.working_directory = scratch.path();
    spec.environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/nonexistent"}};
    spec.output_head_bytes = 1 << 20;
    return executors::run(runner, std::move(spec));
  }

  std::string must_base(const diff_rules& rules) {
    auto result = read_base(run(base_program(rules)));
    CAF_REQUIRE(result);
    return *result;
  }

  /// "M a, A b"
  std::string changed(const std::string& base) {
    auto x = run(diff_program(base));
    CAF_REQUIRE_EQUAL(x.exit_code, 0);
    std::string result;
    bool is_path = false;
    for (auto c : x.output) {
      if (c != '\0')
        result += c;
      else
        result += std::exchange(is_path, !is_path) ? ", " : " ";
    }
    return result.substr(0, result.empty() ? 0 : result.size() - 2);
  }
};

bool has(std::string_view text, std::string_view words) {
  return text.find(words) != text.npos;
}

} // namespace

CAF_TEST(patterns match what they say) {
  struct row {
    std::string_view pattern, path;
    bool is_match;
  };
  const row rows[]{
    {"src/a.c", "src/a.c", true},
    {"src/a.c", "src/a.cc", false},
    {"src", "src/a/b.c", true},
    {"src", "srcs/a.c", false},
    {"src", "lib/src", false},
    {"*.md", "README.md", true},
    {"*.md", "docs/README.md", false},
    {"*", "README.md", true},
    {"*", "docs/README.md", false},
    {"docs/*", "docs/a", true},
    {"docs/*", "docs/a/b", false},
    {"docs/*/c", "docs/a/c", true},
    {"docs/*/c", "docs/a/b/c", false},
    {"**", "a", true},
    {"**", "a/b/c", true},
    {"**/*.md", "README.md", true},
    {"**/*.md", "a/b/README.md", true},
    {"**/x", "ax", false},
    {"**/x", "a/x", true},
    {"**/x", "a/xy", false},
    {"src/**", "src/a/b", true},
    {"src/**", "src", false},
    {"src/**", "srcs/a", false},
    {"a/**/z", "a/z", true},
    {"a/**/z", "a/b/c/z", true},
    {"a/**/z", "az", false},
    {"a/**/**/z", "a/z", true},
    {"a**z", "a/b/z", true},
    {"a?c", "abc", true},
    {"a?c", "a/c", false},
    {"a?c", "ac", false},
    {"?", "\n", true},
    {"a b'\"c", "a b'\"c", true},
    {".github", ".github/workflows/ci.yml", true},
  };
  for (auto& row : rows) {
    CAF_MESSAGE(row.pattern << " and " << row.path);
    CAF_CHECK_EQUAL(matches(row.pattern, row.path), row.is_match);
  }
}

CAF_TEST(patterns that other tools read in another way are refused) {
  for (const std::string_view pattern :
       {"", "/etc", "./src", "src/", "a//b", "src/../lib", "..", "[ab].c", "{a,b}", "!a", "a\\*"})
    CAF_CHECK(!glob::parse(pattern));
  CAF_CHECK(!glob::parse("a\0b"s));
  CAF_CHECK(!glob::parse(std::string(5'000, 'a')));
  CAF_CHECK(has(swarm::render(glob::parse("src/").error()), "'src/' has an empty segment"));
}

CAF_TEST(patterns made to explode do not ) {
  std::string stars;
  std::string folders;
  for (int i = 0; i < 200; ++i) {
    stars += "a*";
    folders += "**/a*/";
  }
  std::string deep;
  for (int i = 0; i < 1'000; ++i)
    deep += "aa/";
  CAF_CHECK(!matches(stars + "b", std::string(4'000, 'a')));
  CAF_CHECK(matches(stars, std::string(4'000, 'a')));
  CAF_CHECK(!matches(folders + "b*", deep + "c"));
  CAF_CHECK(matches(folders + "c*", deep + "c"));
}

CAF_TEST(random patterns match what the plain rule says) {
  const auto seed = swarm::test::choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  std::mt19937_64 random{seed};
  const auto text_of = [&](std::string_view letters, std::size_t size_max) {
    std::string result(std::uniform_int_distribution<std::size_t>{1, size_max}(random), ' ');
    for (auto& x : result)
      x = letters[std::uniform_int_distribution<std::size_t>{0, letters.size() - 1}(random)];
    return result;
  };
  int hits = 0;
  for (int round = 0; round < 20'000; ++round) {
    // A sign in the last segment, so that it doesn't name a folder.
    const auto pattern = text_of("ab/*?*", 7) + "*";
    const auto path = text_of("aab/", 8);
    const auto parsed = glob::parse(pattern);
    if (!parsed || path.front() == '/' || path.back() == '/' || has(path, "//"))
      continue;
    const auto expected = matches_slowly(pattern, path);
    hits += expected ? 1 : 0;
    const auto told = [&](bool x) { return pattern + (x ? " matches " : " doesn't match ") + path; };
    CAF_REQUIRE_EQUAL(told(parsed->matches(path)), told(expected));
  }
  CAF_CHECK(hits > 100);
}

CAF_TEST(the output of git is read with all its names) {
  const auto changed = changed_paths("M\0a \"b\"\n\tc\0A\0-d\0T\0link\0U\0both\0D\0gone\0A\0\xff\xfe\0"s);
  CAF_REQUIRE(changed);
  CAF_CHECK(*changed == (paths{"a \"b\"\n\tc", "-d", "link", "both", "gone", "\xff\xfe"}));
  const auto nothing = changed_paths("");
  CAF_REQUIRE(nothing);
  CAF_CHECK(nothing->empty());
}

CAF_TEST(output that is torn or made without z is an error) {
  for (const auto& status : {"M"s, "M\0"s, "M\0a"s, "M\ta\n"s, "M\0\0"s, "\0a\0"s, "R100\0a\0b\0"s, "Z\0a\0"s,
                             "M\0a\0b\0"s, "A5\0a\0"s, "fatal: bad revision\n"s}) {
    CAF_CHECK(!changed_paths(status));
    CAF_CHECK(judge_diff_program(said(status), {}).verdict == verdict::error);
  }
}

CAF_TEST(git that did not end well gives no verdict) {
  auto failed = said("fatal: not a git repository\n");
  failed.exit_code = 128;
  CAF_CHECK_EQUAL(judge_diff_program(failed, {}).evidence,
                  "the changes can't be told: git exited with 128: 'fatal: not a git repository'");
  auto killed = said("M\0a\0"s);
  killed.ending = command_ending::signalled;
  auto flooded = said("M\0a\0"s);
  flooded.output_bytes = 5'000'000;
  for (auto& x : {failed, killed, flooded})
    CAF_CHECK(judge_diff_program(x, {}).verdict == verdict::error);
}

CAF_TEST(a diff passes exactly when all of it is allowed and none protected) {
  struct row {
    std::string status;
    paths allowed, is_protected;
    verdict expected;
    std::string_view words;
  };
  const row rows[]{
    {"M\0src/a.c\0"s, {}, {}, verdict::pass, "1 changed path, all allowed"},
    {"A\0src/new.c\0"s, {"src/**"}, {"tests/**"}, verdict::pass, "1 changed path"},
    {"", {"src/**"}, {}, verdict::fail, "no_work: nothing was changed"},
    {"M\0src/a.c\0M\0lib/b.c\0"s, {"src/**"}, {}, verdict::fail, "1 changed path is not allowed: 'lib/b.c'"},
    {"M\0src/a.c\0"s, {"src/**"}, {"src/a.*"}, verdict::fail, "1 changed path is protected: 'src/a.c'"},
    {"D\0tests/a.c\0M\0x\0"s, {"src/**"}, {"tests"}, verdict::fail, "1 changed path is protected: 'tests/a.c'"},
    {"M\0src/a\nM\0"s, {"lib/**"}, {}, verdict::fail, "'src/a\\nM'"},
    {"M\0src/a.c\0"s, {"src/**"}, {"src/"}, verdict::error, "'src/' has an empty segment"},
    {"M\0src/a.c\0"s, {"src/[ab].c"}, {}, verdict::error, "'src/[ab].c' has a sign"},
  };
  for (auto& row : rows) {
    const auto x = judge_diff_program(said(row.status), {true, row.allowed, row.is_protected, {}});
    CAF_MESSAGE(x.evidence);
    CAF_CHECK(x.verdict == row.expected);
    CAF_CHECK(has(x.evidence, row.words));
  }
}

CAF_TEST(an empty diff passes only where nothing must change and rules that demand nothing are an error) {
  CAF_CHECK(judge_diff({}, {false, {"src/**"}, {}, {}}).verdict == verdict::pass);
  CAF_CHECK(judge_diff({}, {true, {"src/**"}, {}, {}}).verdict == verdict::fail);
  CAF_CHECK(judge_diff({"a"}, {false, {}, {}, {}}).verdict == verdict::error);
  CAF_CHECK(judge_diff({}, {false, {}, {"a//b"}, {}}).verdict == verdict::error);
}

CAF_TEST_FIXTURE_SCOPE(diff_check_git_tests, repository)

CAF_TEST(whatever the work does to a repository is in the diff) {
  fs::create_directory(scratch.path() / "tests");
  scratch.write("kept", "1\n");
  scratch.write("tests/old", "1\n");
  git("add -A && git commit -qm first");
  scratch.write("dirty", "there before the work\n");
  const auto base = must_base({});
  CAF_CHECK_EQUAL(changed(base), "");
  scratch.write("kept", "2\n");
  git("update-index --assume-unchanged kept");          // what the work marks as unchanged has changed all the same
  scratch.write("new file\n", "x");
  git("rm -q tests/old && git commit -qm hidden");      // what it commits, too
  scratch.write("secret", "x");
  scratch.write(".git/info/exclude", "secret\n");       // what it hides as well
  scratch.write(".gitignore", "built\n");
  scratch.write("built", "x");                          // and by rules of its own
  CAF_CHECK_EQUAL(changed(base), "A .gitignore, A built, M kept, A new file\n, A secret, D tests/old");
}

CAF_TEST(a repository can not be told to show something else than is there) {
  fs::create_directory(scratch.path() / "tests");
  scratch.write("tests/t", "1\n");
  git("add -A && git commit -qm first");
  const auto base = must_base({});
  scratch.write("tests/t", "2\n");
  CAF_CHECK_EQUAL(changed(base), "M tests/t");
  const auto hook = [&](const std::string& name, const std::string& text) {
    fs::permissions(scratch.write(".git/hooks/" + name, text), fs::perms::owner_all);
  };
  for (const auto& lie : std::vector<std::function<void()>>{
         [&] { git("replace " + base + " $(git add -A && git write-tree) && git reset -q"); },
         [&] {
           scratch.write(".git/info/attributes", "tests/t filter=old\n");
           git("config filter.old.clean 'echo 1'");
         },
         [&] { // which is called by what it does, too
           hook("post-index-change", "#!/bin/sh\n[ -z \"${CALLED-}\" ] || exit 0\nexport CALLED=1\n"
                                     "git update-index --cacheinfo 100644,$(echo 1 | git hash-object -w --stdin),tests/t\n");
         },
         [&] { git("update-index --skip-worktree tests/t"); },
         [&] {
           fs::create_directories(scratch.path() / ".git/copy/tests");
           scratch.write(".git/copy/tests/t", "1\n");
           git("config core.worktree " + (scratch.path() / ".git/copy").string());
         }}) {
    lie();
    CAF_CHECK_EQUAL(changed(base), "M tests/t");
  }
}

CAF_TEST(only ignore files that were there before the work hide what is new) {
  for (auto* folder : {"tests", "built", "cache"})
    fs::create_directory(scratch.path() / folder);
  scratch.write(".gitignore", "built/\n*.log\n");
  scratch.write("tests/t", "1\n");
  git("add -A && git commit -qm first");
  scratch.write("built/before", "x");
  scratch.write("cache/.gitignore", "*\n"); // it isn't in the diff, although it hides itself
  scratch.write("cache/before", "x");
  const auto base = must_base({});
  scratch.write("built/after", "x");
  scratch.write("cache/after", "x");
  git("init -q built/inner");
  CAF_CHECK_EQUAL(changed(base), "");
  scratch.write("tests/conftest.py", "import evil\n");
  scratch.write("tests/.gitignore", "*\n");
  CAF_CHECK_EQUAL(changed(base), "A tests/.gitignore, A tests/conftest.py");
  git("add -f tests && git commit -qm hidden");
  CAF_CHECK_EQUAL(changed(base), "A tests/.gitignore, A tests/conftest.py");
  git("reset -q --hard HEAD^");
  scratch.write("evil", "x");
  scratch.write("a.log", "x");
  scratch.write(".gitignore", "evil\nbuilt/\n");
  CAF_CHECK_EQUAL(changed(base), "M .gitignore, A evil");
  fs::remove(scratch.path() / ".gitignore");
  CAF_CHECK_EQUAL(changed(base), "D .gitignore, A evil");
}

CAF_TEST(attributes that the work wrote hide no line ends) {
  scratch.write("+t", "1\n"); // git looks at it before it looks at the attributes
  git("add -A && git commit -qm first");
  const auto base = must_base({});
  scratch.write("+t", "1\r\n");
  scratch.write(".gitattributes", "* text=auto\n");
  CAF_CHECK_EQUAL(changed(base), "M +t, A .gitattributes");
  scratch.write(".gitignore", "*\n");
  CAF_CHECK_EQUAL(changed(base), "M +t, A .gitattributes, A .gitignore");
  git("add -f .gitattributes && git commit -qm hidden");
  for (auto* name : {".gitattributes", ".gitignore"})
    fs::remove(scratch.path() / name);
  CAF_CHECK_EQUAL(changed(base), "M +t");
}

CAF_TEST(attributes that were there before the work convert as ever) {
  scratch.write(".gitattributes", "* text=auto\n");
  scratch.write("t", "1\n");
  git("add -A && git commit -qm first");
  const auto base = must_base({});
  scratch.write("t", "1\r\n");
  CAF_CHECK_EQUAL(changed(base), "");
  scratch.write(".gitattributes", "* text=auto\n# more\n");
  CAF_CHECK_EQUAL(changed(base), "M .gitattributes, M t");
}

CAF_TEST(looking at a repository changes nothing in it) {
  scratch.write("a", "1\n");
  git("add -A && git commit -qm first");
  scratch.write("a", "2\n");
  scratch.write("b", "1\n");
  git("add a");
  auto state = [&] { return run({"git", "status", "--porcelain=v1"}).output; };
  const auto before = state();
  CAF_CHECK_EQUAL(before, "M  a\n?? b\n");
  changed(must_base({}));
  CAF_CHECK_EQUAL(state(), before);
}

CAF_TEST(a base that is named is what everything is compared with) {
  scratch.write("a", "1\n");
  git("add -A && git commit -qm first && git branch start");
  scratch.write("a", "2\n");
  git("commit -qam second");
  diff_rules rules;
  rules.base = "start";
  const auto base = must_base(rules);
  git("branch -f start HEAD"); // too late
  CAF_CHECK_EQUAL(changed(base), "M a");
  rules.base = "nowhere";
  CAF_CHECK(!read_base(run(base_program(rules))));
}

CAF_TEST(a repository without a commit begins with what is there) {
  scratch.write("a", "1\n");
  const auto base = must_base({});
  scratch.write("b", "1\n");
  CAF_CHECK_EQUAL(changed(base), "A b");
}

CAF_TEST(what git can not tell is an error) {
  const auto base = must_base({});
  fs::create_directory(scratch.path() / "inner");
  git("init -q inner");
  CAF_CHECK(has(judge_diff_program(run(diff_program(base)), {}).evidence, "is a git repository of its own"));
  fs::remove_all(scratch.path() / "inner");
  fs::remove_all(scratch.path() / ".git");
  CAF_CHECK(judge_diff_program(run(diff_program(base)), {}).verdict == verdict::error);
  CAF_CHECK(has(swarm::render(read_base(run(base_program({}))).error()), "not a git repository"));
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST(five paths are named and the others counted) {
  paths changed;
  for (int i = 0; i < 20'000; ++i)
    changed.push_back("f" + std::to_string(i));
  const auto x = judge_diff(changed, {false, {}, {"f*"}, {}});
  CAF_CHECK_EQUAL(x.evidence, "20000 changed paths are protected: 'f0', 'f1', 'f2', 'f3', 'f4' and 19995 more");
  CAF_CHECK(has(x.detail, "'f19999'"));
  CAF_CHECK(x.detail.size() < 9'000);
}

CAF_TEST(random bytes are no diff that passes) {
  const auto seed = swarm::test::choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  std::mt19937_64 random{seed};
  const std::string_view likely{"AMDRC01/\0\0\0ab", 14};
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes[2];
    for (auto& text : bytes) {
      text.resize(std::uniform_int_distribution<std::size_t>{0, 40}(random));
      for (auto& x : text)
        x = round % 2 == 0 ? static_cast<char>(random() & 0xFF) : likely[random() % likely.size()];
    }
    CAF_REQUIRE(judge_diff_program(said(bytes[0]), {true, {"src/**"}, {}, {}}).verdict != verdict::pass);
    const auto parsed = glob::parse(bytes[0]);
    if (parsed)
      parsed->matches(bytes[1]);
  }
}
