#include "runtime/workspace/workspace.hpp"

#include "runtime/workspace/directories.hpp"
#include "runtime/workspace/git_worktree.hpp"
#include "runtime/workspace/remove_tree.hpp"
#include "runtime/workspace/workspace_root.hpp"

#include <sys/stat.h>

#include <cerrno>

namespace swarm::workspace {

namespace fs = std::filesystem;

namespace {

using executors::unique_fd;
using runtime::os_error;

caf::expected<void> check(const workspace_spec& x) {
  if (x.ticket.value <= 0 || x.attempt <= 0)
    return make_error(errc::invalid_input, "a workspace needs the numbers of a ticket and of an attempt, from 1");
  const auto& repository = x.wanted.repository;
  if (x.wanted.kind == workspace_kind::git_worktree && !repository.starts_with('/'))
    return make_error(errc::invalid_input,
                      "the repository '" + repository + "' of a workspace must be an absolute path");
  return caf::unit;
}

/// Opens what an earlier attempt left, and closes it to others again.
/// @returns an empty descriptor when nothing is there.
caf::expected<unique_fd> open_left(int root, const fs::path& path) {
  auto left = open_usable_directory(root, path.filename().string());
  if (!left && errno == ENOENT)
    return left;
  if (!left && (errno == ELOOP || errno == ENOTDIR))
    return make_error(errc::conflict, path.string() + " isn't a directory any more; use on_retry: reset");
  if (!left || ::fchmod(left.get(), S_IRWXU) != 0)
    return os_error("use " + path.string(), errno);
  return left;
}

caf::expected<void> make_directory(int root, const fs::path& path) {
  const auto name = path.filename().string();
  if (::mkdirat(root, name.c_str(), S_IRWXU) != 0)
    return os_error("create " + path.string(), errno);
  return caf::unit;
}

caf::expected<prepared_workspace> prepare_directory(int root, const fs::path& path) {
  auto left = open_left(root, path);
  if (!left)
    return left.error();
  if (!*left) {
    if (auto made = make_directory(root, path); !made)
      return made.error();
  }
  return prepared_workspace{path};
}

prepared_workspace prepared(const fs::path& path, worktree x) {
  return {path, std::move(x.branch), std::move(x.base_commit), {}};
}

caf::expected<prepared_workspace> prepare_worktree(int root, const fs::path& path, const workspace_spec& x) {
  const auto name = path.filename().string();
  const worktree_spec wanted{fs::path{path_of(root)} / name, x.wanted.repository, x.wanted.base,
                             "swarm/" + name + "-attempt-" + std::to_string(x.attempt)};
  auto left = open_left(root, path);
  if (!left)
    return left.error();
  if (*left) {
    auto kept = continue_worktree(wanted);
    if (!kept)
      return kept.error();
    if (*kept)
      return prepared(path, std::move(**kept));
    if (auto removed = remove_tree(root, name); !removed)
      return removed.error();
  }
  auto made = add_worktree(wanted);
  if (!made)
    return made.error();
  return prepared(path, std::move(*made));
}

} // namespace

caf::expected<prepared_workspace> prepare(const fs::path& root, const workspace_spec& x) {
  if (auto checked = check(x); !checked)
    return checked.error();
  if (x.wanted.kind == workspace_kind::none)
    return prepared_workspace{};
  auto directory = open_root(root, true);
  if (!directory)
    return directory.error();
  const auto path = root / directory_name(x.ticket);
  if (x.wanted.on_retry == retry_rule::reset) {
    if (auto removed = remove_tree(directory->get(), path.filename().string()); !removed)
      return removed.error();
  }
  return x.wanted.kind == workspace_kind::dir ? prepare_directory(directory->get(), path)
                                              : prepare_worktree(directory->get(), path, x);
}

} // namespace swarm::workspace
