#include "runtime/workspace/git_worktree.hpp"

#include "runtime/files.hpp"
#include "runtime/workspace/directories.hpp"
#include "runtime/workspace/git_repository.hpp"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace swarm::workspace {

namespace fs = std::filesystem;

namespace {

/// In the repository's own directory of a worktree: the base commit. Written last, so a worktree without it isn't done.
constexpr auto base_file = "swarm-base";
constexpr std::size_t base_bytes_max = GIT_OID_HEXSZ + 1;

/// Of worktrees with one name in one repository.
constexpr int names_max = 1000;

/// Where the repository keeps what it knows about its worktrees.
fs::path worktrees_of(git_repository* repository) {
  return fs::path{git_repository_commondir(repository)} / "worktrees";
}

/// One at a time registers worktrees in a repository: one that is half registered looks like one that is gone.
caf::expected<runtime::descriptor> lock(git_repository* repository) {
  const auto* path = git_repository_commondir(repository);
  auto directory = runtime::open_directory(fs::path{path}.parent_path());
  if (!directory)
    return directory;
  while (::flock(directory->get(), LOCK_EX) != 0) {
    if (errno != EINTR)
      return runtime::os_error(std::string{"lock the repository "} + path, errno);
  }
  return directory;
}

/// Calls back with each worktree that is registered completely.
template <class Visit>
void for_each_worktree(git_repository* repository, const Visit& visit) {
  git_strarray names{};
  if (git_worktree_list(&names, repository) != 0)
    return;
  for (std::size_t i = 0; i < names.count; ++i) {
    git_worktree* found = nullptr;
    if (git_worktree_lookup(&found, repository, names.strings[i]) == 0)
      visit(worktree_ptr{found});
  }
  git_strarray_dispose(&names);
}

worktree_ptr find_worktree(git_repository* repository, const fs::path& path) {
  worktree_ptr result;
  for_each_worktree(repository, [&](worktree_ptr found) {
    if (git_worktree_path(found.get()) == path)
      result = std::move(found);
  });
  return result;
}

bool is_gone(const fs::path& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) != 0 && errno == ENOENT;
}

/// A branch counts as checked out, and can't be used, for as long as a worktree that has it is registered.
void forget_removed_worktrees(git_repository* repository, const fs::path& root) {
  for_each_worktree(repository, [&](const worktree_ptr& found) {
    const fs::path path = git_worktree_path(found.get());
    if (path.parent_path() != root || !is_gone(path))
      return;
    git_worktree_prune_options options{};
    git_worktree_prune_options_init(&options, GIT_WORKTREE_PRUNE_OPTIONS_VERSION);
    options.flags = GIT_WORKTREE_PRUNE_VALID | GIT_WORKTREE_PRUNE_LOCKED;
    git_worktree_prune(found.get(), &options);
  });
}

/// Two roots may hold tickets of the same number in one repository.
std::string free_worktree_name(git_repository* repository, const std::string& wanted) {
  auto name = wanted;
  for (int number = 2; !is_gone(worktrees_of(repository) / name) && number <= names_max; ++number)
    name = wanted + "." + std::to_string(number);
  return name;
}

struct registration {
  reference_ptr branch;
  worktree_ptr made;
};

/// Everything but the files, which take their time: others wait meanwhile.
caf::expected<registration> register_worktree(git_repository* repository, const worktree_spec& x,
                                              const git_commit* base) {
  auto locked = lock(repository);
  if (!locked)
    return locked.error();
  forget_removed_worktrees(repository, x.path.parent_path());
  auto branch = take_branch(repository, x.branch, base);
  if (!branch)
    return branch.error();
  git_worktree_add_options options{};
  git_worktree_add_options_init(&options, GIT_WORKTREE_ADD_OPTIONS_VERSION);
  options.ref = branch->get();
  options.checkout_options.checkout_strategy = GIT_CHECKOUT_NONE;
  const auto name = free_worktree_name(repository, x.path.filename().string());
  git_worktree* made = nullptr;
  if (const auto code = git_worktree_add(&made, repository, name.c_str(), x.path.c_str(), &options); code != 0)
    return libgit2_error("make a worktree at " + x.path.string(), code);
  return registration{std::move(*branch), worktree_ptr{made}};
}

caf::expected<repository_ptr> open_worktree(git_worktree* x) {
  git_repository* opened = nullptr;
  if (const auto code = git_repository_open_from_worktree(&opened, x); code != 0)
    return libgit2_error(std::string{"open the worktree "} + git_worktree_path(x), code);
  return repository_ptr{opened};
}

caf::expected<void> check_out(git_worktree* x) {
  auto directory = runtime::open_directory(git_worktree_path(x));
  if (!directory)
    return directory.error();
  // libgit2 made it for everybody to read.
  if (::fchmod(directory->get(), S_IRWXU) != 0)
    return runtime::os_error(std::string{"close "} + git_worktree_path(x) + " to others", errno);
  auto repository = open_worktree(x);
  if (!repository)
    return repository.error();
  git_checkout_options options{};
  git_checkout_options_init(&options, GIT_CHECKOUT_OPTIONS_VERSION);
  options.checkout_strategy = GIT_CHECKOUT_FORCE;
  if (const auto code = git_checkout_head(repository->get(), &options); code != 0)
    return libgit2_error(std::string{"check out "} + git_worktree_path(x), code);
  return caf::unit;
}

caf::expected<void> write_base(git_repository* repository, git_worktree* x, const std::string& commit) {
  auto directory = runtime::open_directory(worktrees_of(repository) / git_worktree_name(x));
  if (!directory)
    return directory.error();
  return runtime::create_file_at(directory->get(), base_file, commit + "\n", {::geteuid(), ::getegid(), {}});
}

/// Empty when `add_worktree` didn't come to its end.
caf::expected<std::string> read_base(git_repository* repository, git_worktree* x) {
  auto directory = runtime::open_directory(worktrees_of(repository) / git_worktree_name(x));
  if (!directory)
    return directory.error();
  auto text = runtime::read_file_at(directory->get(), base_file, base_bytes_max);
  if (!text)
    return code_of(text.error()) == errc::not_found ? caf::expected<std::string>{std::string{}} : text;
  git_oid commit;
  if (git_oid_fromstrp(&commit, text->substr(0, GIT_OID_HEXSZ).c_str()) != 0)
    return make_error(errc::conflict, std::string{"the base commit of "} + git_worktree_path(x)
                                        + " can't be read; use on_retry: reset");
  return to_hex(commit);
}

std::string without_slashes(std::string path) {
  while (path.ends_with('/'))
    path.pop_back();
  return path;
}

/// The file .git says where the repository is, and with another one in its place we would work on somebody else's.
caf::expected<void> check_link(int directory, git_repository* repository, git_worktree* x) {
  constexpr std::string_view word = "gitdir: ";
  auto text = runtime::read_file_at(directory, ".git", 4096);
  if (text && text->starts_with(word) && text->ends_with('\n')) {
    const auto named = without_slashes(text->substr(word.size(), text->size() - word.size() - 1));
    if (named == worktrees_of(repository) / git_worktree_name(x))
      return caf::unit;
  }
  return make_error(errc::conflict, std::string{"an earlier attempt has changed "} + git_worktree_path(x)
                                      + "/.git; use on_retry: reset");
}

/// Whether nothing but the file .git is there, as after a crash while the worktree was being registered.
bool holds_only_git_file(int directory) {
  bool only = true;
  const auto unread = for_each_name(directory, [&](const std::string& name) { only &= name == ".git"; });
  return only && unread == 0;
}

caf::error cannot_continue(const fs::path& path, int code) {
  const auto cause = libgit2_error("go on with the worktree " + path.string(), code);
  return make_error(errc::conflict, render(cause) + "; use on_retry: reset");
}

/// Puts HEAD on a branch of this attempt; files and index stay.
caf::expected<std::string> enter_branch(git_repository* repository, const worktree_spec& x) {
  git_reference* found = nullptr;
  if (const auto code = git_reference_lookup(&found, repository, "HEAD"); code != 0)
    return cannot_continue(x.path, code);
  const reference_ptr head{found};
  const std::string prefix = "refs/heads/";
  if (const auto* target = git_reference_symbolic_target(head.get()); target != nullptr) {
    const std::string name = target;
    if (name == prefix + x.branch || name.starts_with(prefix + x.branch + "."))
      return name.substr(prefix.size());
  }
  git_object* at = nullptr;
  if (const auto code = git_reference_peel(&at, head.get(), GIT_OBJECT_COMMIT); code != 0)
    return cannot_continue(x.path, code);
  const commit_ptr commit{reinterpret_cast<git_commit*>(at)};
  auto branch = take_branch(repository, x.branch, commit.get());
  if (!branch)
    return branch.error();
  const std::string name = git_reference_name(branch->get());
  if (const auto code = git_repository_set_head(repository, name.c_str()); code != 0)
    return libgit2_error("move " + x.path.string() + " to " + name, code);
  return name.substr(prefix.size());
}

} // namespace

caf::expected<worktree> add_worktree(const worktree_spec& x) {
  auto repository = open_repository(x.repository);
  if (!repository)
    return repository.error();
  auto base = find_commit(repository->get(), x.base);
  if (!base)
    return base.error();
  auto registered = register_worktree(repository->get(), x, base->get());
  if (!registered)
    return registered.error();
  if (auto done = check_out(registered->made.get()); !done)
    return done.error();
  worktree result{git_reference_shorthand(registered->branch.get()), to_hex(*git_commit_id(base->get()))};
  if (auto written = write_base(repository->get(), registered->made.get(), result.base_commit); !written)
    return written.error();
  return result;
}

caf::expected<std::optional<worktree>> continue_worktree(const worktree_spec& x) {
  auto repository = open_repository(x.repository);
  if (!repository)
    return repository.error();
  auto directory = runtime::open_directory(x.path);
  if (!directory)
    return directory.error();
  const auto registered = find_worktree(repository->get(), x.path);
  if (!registered && holds_only_git_file(directory->get()))
    return std::optional<worktree>{};
  if (!registered)
    return make_error(errc::conflict,
                      x.path.string() + " is no worktree of " + x.repository.string() + "; use on_retry: reset");
  auto base = read_base(repository->get(), registered.get());
  if (!base)
    return base.error();
  if (base->empty())
    return std::optional<worktree>{};
  if (auto checked = check_link(directory->get(), repository->get(), registered.get()); !checked)
    return checked.error();
  auto opened = open_worktree(registered.get());
  if (!opened)
    return opened.error();
  auto branch = enter_branch(opened->get(), x);
  if (!branch)
    return branch.error();
  return std::optional<worktree>{worktree{std::move(*branch), std::move(*base)}};
}

} // namespace swarm::workspace
