#pragma once

#include "runtime/files.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace swarm::runtime {

inline constexpr int postgres_major_min = 15;

/// PostgreSQL's server programs on this machine.
struct postgres_binaries {
  std::filesystem::path directory; ///< Holds `initdb` and `postgres`.
  int major = 0;
  std::string version;             ///< "15.4"
};

/// Looks in `bin_dir` alone when it isn't empty; else on $PATH and then in the folders where distributions and
/// Homebrew put server programs, newest version first.
/// @param major the version that made the cluster; nothing when there is no cluster yet.
/// @param account who must be able to run them.
/// @returns errc::not_found with what was found instead and what to install.
caf::expected<postgres_binaries> find_postgres(const std::filesystem::path& bin_dir, std::optional<int> major,
                                               const os_account& account);

} // namespace swarm::runtime
