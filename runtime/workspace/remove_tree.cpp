#include "runtime/workspace/remove_tree.hpp"

#include "runtime/files.hpp"
#include "runtime/workspace/directories.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace swarm::workspace {

namespace {

/// Each round removes at least one level of nesting, so this is a depth that takes minutes to make.
constexpr int rounds_max = 1'000'000;

/// Takes a directory only when it is empty. What somebody else has removed is gone as well.
bool unlink_entry(int directory, const std::string& name) {
  return ::unlinkat(directory, name.c_str(), 0) == 0
         || (errno == EISDIR && ::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0) || errno == ENOENT;
}

bool is_not_empty(int error_number) {
  return error_number == ENOTEMPTY || error_number == EEXIST;
}

/// Empties a directory by lifting what is in its subdirectories up to its own level: nothing is deeper than two levels
/// then, where a walk down would need a descriptor or a stack frame per level.
class emptying {
public:
  explicit emptying(int top) : top_(top) {}

  /// @returns whether anything was removed or lifted.
  bool round() {
    progress_ = false;
    error_number_ = 0;
    const auto unread = for_each_name(top_, [this](const std::string& name) { take(name); });
    if (unread != 0)
      note(".", unread);
    return progress_;
  }

  /// The first failure of the last round.
  int error_number() const { return error_number_; }
  const std::string& failed_name() const { return failed_name_; }

private:
  void take(const std::string& name) {
    if (try_unlink(top_, name))
      return;
    if (is_not_empty(errno)) {
      lift_content(name);
      if (try_unlink(top_, name))
        return;
    }
    note(name, errno);
  }

  bool try_unlink(int directory, const std::string& name) {
    const auto unlinked = unlink_entry(directory, name);
    progress_ |= unlinked;
    return unlinked;
  }

  void lift_content(const std::string& name) {
    const auto inner = open_usable_directory(top_, name);
    if (!inner)
      return note(name, errno);
    const auto unread = for_each_name(inner.get(), [&](const std::string& child) {
      const auto gone = try_unlink(inner.get(), child) || (is_not_empty(errno) && lift(inner.get(), child));
      if (!gone)
        note(name + "/" + child, errno);
    });
    if (unread != 0)
      note(name, unread);
  }

  bool lift(int from, const std::string& name) {
    // A directory that changes its parent must be writable itself.
    if (!open_usable_directory(from, name))
      return false;
    do {
      if (::renameat(from, name.c_str(), top_, std::to_string(++lifted_).c_str()) == 0)
        return progress_ = true;
    } while (is_not_empty(errno) || errno == ENOTDIR); // the name is taken
    return false;
  }

  void note(const std::string& name, int error_number) {
    if (error_number_ != 0)
      return;
    failed_name_ = name;
    error_number_ = error_number;
  }

  int top_;
  std::uint64_t lifted_ = 0; ///< Gives names to what was lifted.
  bool progress_ = false;
  int error_number_ = 0;
  std::string failed_name_;
};

} // namespace

caf::expected<void> remove_tree(int directory, const std::string& name) {
  if (unlink_entry(directory, name))
    return caf::unit;
  if (!is_not_empty(errno))
    return runtime::os_error("remove " + name, errno);
  const auto top = open_usable_directory(directory, name);
  if (!top)
    return runtime::os_error("remove " + name, errno);
  emptying content{top.get()};
  for (int rounds = 0; rounds < rounds_max; ++rounds) {
    const auto progress = content.round();
    if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT)
      return caf::unit;
    const auto cause = errno;
    if (!progress && content.error_number() != 0)
      return runtime::os_error("remove " + name + "/" + content.failed_name(), content.error_number());
    if (!is_not_empty(cause))
      return runtime::os_error("remove " + name, cause);
  }
  return make_error(errc::io_failed, "cannot remove " + name
                                       + ": it is filled as fast as it is emptied; end the program "
                                         "that still writes there");
}

} // namespace swarm::workspace
