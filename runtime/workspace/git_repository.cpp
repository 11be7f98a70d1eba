#include "runtime/workspace/git_repository.hpp"

namespace swarm::workspace {

namespace {

/// How often one attempt may be repeated under its number.
constexpr int branches_max = 1000;

/// libgit2 1.5 says of a repository of another user that its configuration has no safe.directory.
bool is_of_another_user(int code) {
  const auto* last = git_error_last();
  return code == GIT_EOWNER || (code == GIT_ENOTFOUND && last != nullptr && last->klass == GIT_ERROR_CONFIG);
}

} // namespace

caf::error libgit2_error(const std::string& what, int code, const std::string& remedy) {
  const auto* last = git_error_last();
  const std::string reason = last != nullptr ? last->message : "libgit2 gives no reason";
  const auto sentence = "cannot " + what + ": " + reason + (remedy.empty() ? "" : "; " + remedy);
  switch (code) {
    case GIT_ENOTFOUND:
    case GIT_EUNBORNBRANCH: return make_error(errc::not_found, sentence);
    case GIT_EINVALIDSPEC:
    case GIT_EPEEL:
    case GIT_EAMBIGUOUS: return make_error(errc::invalid_input, sentence);
    default: return make_error(errc::io_failed, sentence);
  }
}

std::string to_hex(const git_oid& x) {
  std::string result(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(result.data(), &x);
  return result;
}

caf::expected<repository_ptr> open_repository(const std::filesystem::path& path) {
  // Never shut down: what it keeps is small, and worktrees are made as long as the node lives.
  static const auto initialised = git_libgit2_init();
  if (initialised < 0)
    return libgit2_error("start libgit2", initialised);
  git_repository* opened = nullptr;
  const auto code = git_repository_open(&opened, path.c_str());
  if (code != 0 && is_of_another_user(code))
    return make_error(errc::not_permitted, "the repository " + path.string()
                                             + " belongs to another user; run 'git config "
                                               "--global --add safe.directory' with its path, or 'chown' on it");
  if (code != 0)
    return libgit2_error("open the repository " + path.string(), code,
                         "name the path of a git repository on this machine");
  return repository_ptr{opened};
}

caf::expected<commit_ptr> find_commit(git_repository* repository, const std::string& name) {
  const auto spoken = name.empty() ? std::string{"HEAD"} : name;
  const std::string remedy = "name a branch, tag or commit of it as base";
  const auto what = "find the commit '" + spoken + "' in " + git_repository_commondir(repository);
  git_object* found = nullptr;
  if (const auto code = git_revparse_single(&found, repository, spoken.c_str()); code != 0)
    return libgit2_error(what, code, remedy);
  const object_ptr named{found};
  git_object* commit = nullptr;
  if (const auto code = git_object_peel(&commit, named.get(), GIT_OBJECT_COMMIT); code != 0)
    return libgit2_error(what, code, remedy);
  return commit_ptr{reinterpret_cast<git_commit*>(commit)};
}

caf::expected<reference_ptr> take_branch(git_repository* repository, const std::string& wanted,
                                         const git_commit* begin) {
  for (int number = 1; number <= branches_max; ++number) {
    const auto name = number == 1 ? wanted : wanted + "." + std::to_string(number);
    git_reference* found = nullptr;
    auto code = git_branch_lookup(&found, repository, name.c_str(), GIT_BRANCH_LOCAL);
    if (code == GIT_ENOTFOUND)
      code = git_branch_create(&found, repository, name.c_str(), begin, 0);
    if (code != 0)
      return libgit2_error("create the branch " + name, code);
    reference_ptr branch{found};
    const auto* at = git_reference_target(branch.get());
    if (at != nullptr && git_oid_equal(at, git_commit_id(begin)) && git_branch_is_checked_out(branch.get()) == 0)
      return branch;
  }
  return make_error(errc::conflict, "the branches " + wanted + " to " + wanted + "." + std::to_string(branches_max)
                                      + " are all in use; remove those that aren't needed with 'git branch -D'");
}

} // namespace swarm::workspace
