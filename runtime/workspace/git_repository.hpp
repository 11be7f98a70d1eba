#pragma once

#include "messages/error.hpp"

#include <git2.h>

#include <filesystem>
#include <memory>
#include <string>

namespace swarm::workspace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* x) const {
    Free(x);
  }
};

using repository_ptr = std::unique_ptr<git_repository, freed_by<git_repository_free>>;
using worktree_ptr = std::unique_ptr<git_worktree, freed_by<git_worktree_free>>;
using reference_ptr = std::unique_ptr<git_reference, freed_by<git_reference_free>>;
using object_ptr = std::unique_ptr<git_object, freed_by<git_object_free>>;
using commit_ptr = std::unique_ptr<git_commit, freed_by<git_commit_free>>;

/// "cannot <what>: <libgit2's reason>; <remedy>" with the code that fits.
caf::error libgit2_error(const std::string& what, int code, const std::string& remedy = {});

/// In hexadecimal digits.
std::string to_hex(const git_oid&);

/// Opens the repository at this path or with this working directory, never one above it. Git refuses one that belongs
/// to another user: errc::not_permitted.
caf::expected<repository_ptr> open_repository(const std::filesystem::path&);

/// The commit that a branch, a tag or any other name stands for. Empty: what the repository is at.
caf::expected<commit_ptr> find_commit(git_repository*, const std::string& name);

/// A branch that begins at the commit: a new one, or one of this name that was made before and never used. A branch
/// that was used isn't moved; the result's name ends in ".2", ".3" ... then.
caf::expected<reference_ptr> take_branch(git_repository*, const std::string& wanted, const git_commit* begin);

} // namespace swarm::workspace
