#pragma once

#include "runtime/executors/command/unique_fd.hpp"

#include <caf/expected.hpp>

#include <filesystem>
#include <memory>

namespace swarm::checks {

/// The directory that checks look into. A name is only a name: work may put a link where its directory was, and whoever
/// opens it by that reads wherever the link leads. So it is held from before the work, and its name must still lead to it.
class work_folder {
public:
  /// Not held: what its name leads to when it is opened.
  work_folder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Opens it for good. Where there is none, no work is done in it either, and it is opened by its name later.
  static work_folder hold(std::filesystem::path);

  /// For `open_beneath`. `errc::conflict` when its name leads elsewhere now, `errc::io_failed` when it can't be opened.
  caf::expected<std::shared_ptr<const executors::unique_fd>> open() const;

private:
  std::filesystem::path path_;
  std::shared_ptr<const executors::unique_fd> held_; ///< A number that is open can't be another directory's meanwhile.
  int hold_error_ = 0;
};

} // namespace swarm::checks
