#include "runtime/workspace/sweep.hpp"

#include "runtime/workspace/directories.hpp"
#include "runtime/workspace/registration.hpp"
#include "runtime/workspace/remove_tree.hpp"
#include "runtime/workspace/workspace_root.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace swarm::workspace {

namespace fs = std::filesystem;

namespace {

using time_point = std::chrono::system_clock::time_point;

constexpr std::size_t problems_max = 100;
constexpr std::uint64_t block_bytes = 512; // of st_blocks, whatever the file system's own are

struct measured {
  ticket_id ticket;
  std::uint64_t bytes = 0;
  time_point changed = {};
};

time_point changed_at(const struct stat& info) {
  // Of the inode: a program can set the time of the content to whatever it likes, this one only to now.
  const auto since_epoch = std::chrono::seconds{info.st_ctim.tv_sec} + std::chrono::nanoseconds{info.st_ctim.tv_nsec};
  return time_point{std::chrono::duration_cast<time_point::duration>(since_epoch)};
}

struct sweeping {
  int root;
  const fs::path& path;
  const retention& rules;
  sweep_report report = {};

  void note(std::string sentence) {
    if (report.problems.size() < problems_max)
      report.problems.push_back(std::move(sentence));
  }

  /// What vanishes while we look is the work of a ticket that lives.
  void note_unread(const std::string& name, int error_number) {
    if (error_number != 0 && error_number != ENOENT)
      note("cannot measure " + (path / name).string() + ": " + std::generic_category().message(error_number));
  }

  caf::expected<std::vector<ticket_id>> list() {
    std::vector<ticket_id> result;
    const auto unread = for_each_name(root, [&](const std::string& name) {
      if (const auto ticket = ticket_of(name))
        result.push_back(*ticket);
      else
        ++report.foreign;
    });
    if (unread != 0)
      return runtime::os_error("read the workspace root " + path.string(), unread);
    std::sort(result.begin(), result.end());
    return result;
  }

  /// Adds one entry, named by its path from the root. @returns whether it is a directory.
  bool add(int directory, const std::string& name, const std::string& from_root, measured& sum) {
    struct stat info {};
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      note_unread(from_root, errno);
      return false;
    }
    sum.bytes += static_cast<std::uint64_t>(info.st_blocks) * block_bytes;
    sum.changed = std::max(sum.changed, changed_at(info));
    return S_ISDIR(info.st_mode);
  }

  /// Also adds it to what is left on disk.
  measured measure(ticket_id ticket) {
    measured result{ticket};
    // Paths instead of descriptors, of which a process has fewer than a tree may have levels.
    std::vector<std::string> directories;
    if (const auto name = directory_name(ticket); add(root, name, name, result))
      directories.push_back(name);
    while (!directories.empty() && !rules.stops()) {
      const auto above = std::move(directories.back());
      directories.pop_back();
      const auto opened = executors::open_beneath(root, above, O_RDONLY | O_DIRECTORY,
                                                  RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
      const auto visit = [&](const std::string& name) {
        const auto from_root = above + "/" + name;
        if (add(opened.get(), name, from_root, result))
          directories.push_back(from_root);
      };
      note_unread(above, opened ? for_each_name(opened.get(), visit) : errno);
    }
    report.bytes_left += result.bytes;
    return result;
  }

  std::optional<registration> find_worktree(const std::string& name) {
    const auto directory = open_usable_directory(root, name);
    return directory ? find_registration(directory.get(), fs::path{path_of(root)} / name) : std::nullopt;
  }

  void remove(const measured& x, removal_cause cause) {
    const auto held = rules.stops() ? nullptr : rules.take(x.ticket);
    if (!held)
      return;
    const auto name = directory_name(x.ticket);
    const auto registered = find_worktree(name);
    if (auto removed = remove_tree(root, name); !removed)
      return note(path.string() + ": " + render(removed.error()));
    if (registered)
      if (auto forgotten = forget(*registered); !forgotten)
        note("the repository of " + (path / name).string() + " can't forget it: " + render(forgotten.error()));
    report.removed.push_back({x.ticket, cause, x.bytes});
    report.bytes_left -= x.bytes;
  }
};

bool is_too_old(const measured& x, const retention& rules, time_point now) {
  return std::chrono::floor<std::chrono::seconds>(now - x.changed) > rules.age_max;
}

} // namespace

std::string to_string(removal_cause x) {
  switch (x) {
    case removal_cause::orphan: return "orphan";
    case removal_cause::age: return "age";
    case removal_cause::size: return "size";
  }
  return "unknown";
}

caf::expected<std::vector<ticket_id>> tickets_in(const fs::path& root) {
  auto directory = open_root(root, false);
  if (!directory && code_of(directory.error()) == errc::not_found)
    return std::vector<ticket_id>{};
  if (!directory)
    return directory.error();
  const retention everything;
  return sweeping{directory->get(), root, everything, {}}.list();
}

caf::expected<sweep_report> sweep(const fs::path& root, const retention& rules, time_point now) {
  auto directory = open_root(root, false);
  if (!directory && code_of(directory.error()) == errc::not_found)
    return sweep_report{};
  if (!directory)
    return directory.error();
  sweeping work{directory->get(), root, rules, {}};
  auto tickets = work.list();
  if (!tickets)
    return tickets.error();
  std::vector<measured> finished;
  for (const auto ticket : *tickets) {
    const auto x = work.measure(ticket);
    if (rules.keep.contains(ticket))
      continue;
    if (rules.gone.contains(ticket))
      work.remove(x, removal_cause::orphan);
    else
      finished.push_back(x);
  }
  std::stable_sort(finished.begin(), finished.end(), [](auto& a, auto& b) { return a.changed < b.changed; });
  for (const auto& x : finished) {
    if (is_too_old(x, rules, now))
      work.remove(x, removal_cause::age);
    else if (work.report.bytes_left > rules.bytes_max)
      work.remove(x, removal_cause::size);
  }
  return std::move(work.report);
}

} // namespace swarm::workspace
