#pragma once

#include "runtime/child_process.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace swarm::runtime {

/// Finds out why a server didn't start. It speaks on stderr until it opened its log, and into the log from then on.
class server_log {
public:
  /// Remembers how long the files in `directory` are, so that complaints of earlier starts aren't taken for news.
  explicit server_log(std::filesystem::path directory);

  /// The decisive lines on one line; how the process ended when it said nothing.
  std::string complaint(const child_process& server) const;

private:
  std::map<std::filesystem::path, std::uintmax_t> sizes() const;

  std::filesystem::path directory_;
  std::map<std::filesystem::path, std::uintmax_t> known_;
};

} // namespace swarm::runtime
