#include "runtime/workspace/registration.hpp"

#include "runtime/workspace/remove_tree.hpp"

#include <fcntl.h>

namespace swarm::workspace {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t path_bytes_max = 4'096;

/// The path on the only line of a file, behind `word`; empty when it isn't there.
fs::path path_in(int directory, const std::string& file, std::string_view word) {
  const auto text = runtime::read_file_at(directory, file, path_bytes_max);
  if (!text || !text->starts_with(word) || !text->ends_with('\n'))
    return {};
  return text->substr(word.size(), text->size() - word.size() - 1);
}

} // namespace

std::optional<registration> find_registration(int directory, const fs::path& path) {
  auto told = path_in(directory, ".git", "gitdir: ");
  if (!told.has_filename())
    told = told.parent_path();
  const auto name = told.filename().string();
  if (!told.is_absolute() || told.parent_path().filename() != "worktrees" || name == "." || name == "..")
    return std::nullopt;
  auto worktrees = runtime::open_directory(told.parent_path());
  if (!worktrees)
    return std::nullopt;
  const runtime::descriptor own{
    ::openat(worktrees->get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!own || path_in(own.get(), "gitdir", "") != path / ".git")
    return std::nullopt;
  return registration{std::move(*worktrees), name};
}

caf::expected<void> forget(const registration& x) {
  return remove_tree(x.worktrees.get(), x.name);
}

} // namespace swarm::workspace
