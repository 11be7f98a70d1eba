#pragma once

#include "runtime/workspace/remove_tree.hpp"
#include "runtime/workspace/workspace.hpp"
#include "runtime/workspace/workspace_root.hpp"
#include "tests/fixtures/scratch_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

/// What the tests of workspaces share: a root, files, and a user whom the modes of files stop.
namespace swarm::workspace {

namespace fs = std::filesystem;

inline void write_text(const fs::path& path, std::string_view text) {
  std::ofstream{path, std::ios::binary} << text;
}

inline std::string text_of(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

inline mode_t mode_of(const fs::path& path) {
  struct stat info {};
  ::lstat(path.c_str(), &info);
  return info.st_mode & ALLPERMS;
}

/// Also finds a link that leads nowhere.
inline bool is_there(const fs::path& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

/// Removes a workspace as a sweep does.
inline caf::expected<void> discard(const fs::path& workspace) {
  auto root = open_root(workspace.parent_path(), false);
  if (!root)
    return root.error();
  return remove_tree(root->get(), workspace.filename().string());
}

/// The rights of an ordinary user until the end of a test, who owns the folder: nothing is closed to root.
class as_ordinary_user {
public:
  explicit as_ordinary_user(const fs::path& folder) {
    if (::geteuid() != 0)
      return;
    constexpr unsigned nobody = 65534;
    if (::chown(folder.c_str(), nobody, nobody) != 0 || ::setegid(nobody) != 0 || ::seteuid(nobody) != 0)
      throw std::runtime_error("cannot become an ordinary user");
    was_root_ = true;
  }

  ~as_ordinary_user() { become_root_again(); }

  as_ordinary_user(const as_ordinary_user&) = delete;
  as_ordinary_user& operator=(const as_ordinary_user&) = delete;

  void become_root_again() {
    if (was_root_ && (::seteuid(0) != 0 || ::setegid(0) != 0))
      std::abort();
  }

private:
  bool was_root_ = false;
};

/// A root with workspaces, and beside it a folder that no ticket may reach.
struct workspace_scene {
  test::scratch_folder scratch;
  fs::path root = scratch.path() / "root";
  fs::path outside = scratch.path() / "outside";

  workspace_scene() {
    fs::create_directories(outside / "folder");
    write_text(outside / "secret", "kept");
    write_text(outside / "folder" / "secret", "kept");
  }

  bool is_outside_untouched() const {
    return text_of(outside / "secret") == "kept" && text_of(outside / "folder" / "secret") == "kept";
  }

  /// The path of a workspace that was prepared, or throws with what went wrong.
  fs::path prepared(const workspace_spec& x) const {
    auto result = prepare(root, x);
    if (!result)
      throw std::runtime_error(render(result.error()));
    return result->path;
  }

  fs::path prepared(std::int64_t ticket, retry_rule on_retry = retry_rule::keep) const {
    return prepared({ticket_id{ticket}, 1, {workspace_kind::dir, {}, {}, on_retry}});
  }
};

/// Directories in directories, also where no path is long enough for them.
inline void nest(const fs::path& path, int levels, const std::string& name) {
  auto at = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (int level = 0; level < levels; ++level) {
    if (::mkdirat(at, name.c_str(), 0700) != 0)
      throw std::runtime_error("cannot nest directories");
    const auto inner = ::openat(at, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    ::close(at);
    at = inner;
  }
  ::close(at);
}

} // namespace swarm::workspace
