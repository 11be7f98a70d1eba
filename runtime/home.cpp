#include "runtime/home.hpp"

#include "runtime/files.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace swarm::runtime {

namespace fs = std::filesystem;

namespace {

constexpr auto remedy = "set SWARM_HOME to a directory that you may write";

std::optional<fs::path> from_environment(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value)
    return std::nullopt;
  return fs::path{value};
}

caf::error home_error(const fs::path& path, int error_number) {
  auto what = "use " + path.string() + " as swarm's home";
  if (error_number == ENOSPC || error_number == EDQUOT)
    return os_error(what, error_number, free_space(path.parent_path()) + ", make room and start again");
  if (error_number == ENOTDIR || error_number == EEXIST)
    return make_error(errc::invalid_input, "cannot " + what + ": something on this path isn't a directory; " + remedy);
  return os_error(what, error_number, remedy);
}

caf::expected<void> make_directories(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0)
    return caf::unit;
  if (errno != ENOENT)
    return home_error(path, errno);
  if (path.has_relative_path())
    if (auto made = make_directories(path.parent_path()); !made)
      return made.error();
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return home_error(path, errno);
  return caf::unit;
}

caf::expected<void> check_ownership(const fs::path& root) {
  struct stat info {};
  if (::stat(root.c_str(), &info) != 0)
    return home_error(root, errno);
  if (!S_ISDIR(info.st_mode))
    return home_error(root, ENOTDIR);
  if (info.st_uid != ::geteuid())
    return make_error(errc::not_permitted,
                      root.string() + " belongs to another user (id " + std::to_string(info.st_uid)
                        + "); run swarm as that user or " + remedy);
  if (info.st_mode & (S_IWGRP | S_IWOTH))
    return make_error(errc::not_permitted,
                      root.string() + " may be written by other users, who could replace the database; run 'chmod "
                                      "go-w' on it or " + remedy);
  return caf::unit;
}

bool is_uuid(std::string_view text) {
  constexpr std::string_view shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return std::equal(text.begin(), text.end(), shape.begin(), shape.end(), [](char have, char want) {
    return want == '-' ? have == '-' : (have >= '0' && have <= '9') || (have >= 'a' && have <= 'f');
  });
}

caf::expected<std::string> stored_id(const fs::path& root, int directory) {
  auto text = read_file_at(directory, "id", 64);
  if (!text)
    return text.error();
  while (!text->empty() && text->back() == '\n')
    text->pop_back();
  if (is_uuid(*text))
    return *text;
  return make_error(errc::invalid_input, (root / "id").string() + " holds no uuid; restore it from a backup, "
                                           "or remove it and the home gets a new identity");
}

caf::expected<std::string> load_or_make_id(const fs::path& root) {
  auto directory = open_directory(root);
  if (!directory)
    return directory.error();
  auto id = stored_id(root, directory->get());
  if (id || code_of(id.error()) != errc::not_found)
    return id;
  auto fresh = read_file_at(AT_FDCWD, "/proc/sys/kernel/random/uuid", 64);
  if (!fresh)
    return fresh.error();
  auto draft = "id." + std::to_string(::getpid());
  ::unlinkat(directory->get(), draft.c_str(), 0);
  if (auto made = create_file_at(directory->get(), draft, *fresh, {::geteuid(), ::getegid(), {}}); !made)
    return code_of(made.error()) == errc::disk_full ? home_error(root, ENOSPC) : made.error();
  // A link fails where a rename would replace: of two processes that come at once, both end up with the first id.
  auto linked = ::linkat(directory->get(), draft.c_str(), directory->get(), "id", 0);
  auto cause = errno;
  ::unlinkat(directory->get(), draft.c_str(), 0);
  if (linked != 0 && cause != EEXIST)
    return home_error(root, cause);
  ::fsync(directory->get());
  return stored_id(root, directory->get());
}

} // namespace

caf::expected<fs::path> home::resolve() {
  if (auto path = from_environment("SWARM_HOME"))
    return fs::absolute(*path).lexically_normal();
  // A relative $XDG_DATA_HOME is to be ignored, says the XDG base directory specification.
  if (auto path = from_environment("XDG_DATA_HOME"); path && path->is_absolute())
    return (*path / "swarm").lexically_normal();
  if (auto path = from_environment("HOME"); path && path->is_absolute())
    return (*path / ".local/share/swarm").lexically_normal();
  if (auto* entry = ::getpwuid(::geteuid()); entry && entry->pw_dir && *entry->pw_dir == '/')
    return fs::path{entry->pw_dir} / ".local/share/swarm";
  return make_error(errc::invalid_input, "swarm can't tell where its home directory is; set SWARM_HOME");
}

caf::expected<home> home::open(const fs::path& path) {
  home result;
  result.root_ = fs::absolute(path).lexically_normal();
  if (!result.root_.has_filename())
    result.root_ = result.root_.parent_path();
  if (auto made = make_directories(result.root_); !made)
    return made.error();
  if (auto checked = check_ownership(result.root_); !checked)
    return checked.error();
  for (const auto& folder : {result.log(), result.run(), result.attempts()})
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      return home_error(result.root_, errno);
  auto id = load_or_make_id(result.root_);
  if (!id)
    return id.error();
  result.id_ = std::move(*id);
  return result;
}

} // namespace swarm::runtime
