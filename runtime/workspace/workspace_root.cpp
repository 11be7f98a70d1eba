#include "runtime/workspace/workspace_root.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace swarm::workspace {

namespace {

constexpr std::string_view prefix = "ticket-";

} // namespace

std::string directory_name(ticket_id ticket) {
  return std::string{prefix} + to_string(ticket);
}

std::optional<ticket_id> ticket_of(std::string_view name) {
  if (!name.starts_with(prefix))
    return std::nullopt;
  ticket_id result;
  std::from_chars(name.data() + prefix.size(), name.data() + name.size(), result.value);
  // "ticket-007" and "ticket-7x" are read as 7, but aren't its name.
  if (result.value <= 0 || directory_name(result) != name)
    return std::nullopt;
  return result;
}

caf::expected<runtime::descriptor> open_root(const std::filesystem::path& root, bool make) {
  if (!root.is_absolute())
    return make_error(errc::invalid_input, "the workspace root '" + root.string() + "' must be an absolute path");
  // With a slash at its end a path means what a link points to.
  const auto path = root.has_filename() ? root : root.parent_path();
  if (make && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return runtime::os_error("create the workspace root " + path.string(), errno);
  auto directory = runtime::open_directory(path);
  if (!directory)
    return directory;
  struct stat info {};
  if (::fstat(directory->get(), &info) != 0)
    return runtime::os_error("look at the workspace root " + path.string(), errno);
  if (info.st_uid != ::geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return make_error(errc::not_permitted, "the workspace root " + path.string()
                                             + " must belong to the user that swarm runs as and be writable by nobody "
                                               "else; run chown or 'chmod go-w' on it");
  return directory;
}

} // namespace swarm::workspace
