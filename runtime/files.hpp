#pragma once

#include "messages/error.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace swarm::runtime {

/// A file descriptor that is closed with its owner.
class descriptor {
public:
  descriptor() = default;
  explicit descriptor(int number) : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept;
  ~descriptor();

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

private:
  int number_ = -1;
};

/// Who owns a file, and whom a child process runs as.
struct os_account {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

/// "cannot create /data: Permission denied" with the code that fits: disk_full, not_permitted, not_found, io_failed.
/// `remedy` follows after a semicolon.
caf::error os_error(const std::string& what, int error_number, const std::string& remedy = {});

/// What an ordinary user may still write to the file system that holds `path`; nothing when it can't be told.
std::optional<std::uint64_t> free_bytes(const std::filesystem::path& path);

/// "12 MB free" for the file system that holds `path`.
std::string free_space(const std::filesystem::path& path);

/// Opens a directory itself, never what a symbolic link in its last place points to.
caf::expected<descriptor> open_directory(const std::filesystem::path&);

/// Reads a file of at most `bytes_max`; what lies beyond is left out. Doesn't follow symbolic links and doesn't wait
/// for a pipe's writer, because the directory may belong to another account.
caf::expected<std::string> read_file_at(int directory, const std::string& name, std::size_t bytes_max);

/// Writes a new file, owned by `owner` and readable by nobody else, and makes it durable. It must not exist.
/// @returns nothing of it when it fails: a half-written file is removed.
caf::expected<void> create_file_at(int directory, const std::string& name, std::string_view text,
                                   const os_account& owner);

/// Gives a file new content in one step: a reader, a crash or a full disk leaves either the old or the new one.
caf::expected<void> replace_file_at(int directory, const std::string& name, std::string_view text,
                                    const os_account& owner);

} // namespace swarm::runtime
