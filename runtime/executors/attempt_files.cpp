#include "runtime/executors/attempt_files.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "runtime/executors/agent_cli/json_line.hpp"
#include "runtime/executors/command/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace swarm::executors {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t result_bytes_max = 1u << 20;
constexpr std::size_t why_bytes_max = 500;
constexpr const char* impossible = "spec_impossible";
constexpr const char* result_end = ".result.json";
constexpr const char* last_failure_end = ".last_failure";
constexpr const char* output_end = ".output";
constexpr const char* outputs_name = "outputs";

caf::error failed(const std::string& what, int error_number) {
  return make_error(errc::io_failed, what + ": " + std::generic_category().message(error_number));
}

caf::expected<void> write_file(const std::filesystem::path& path, const std::string& text) {
  unique_fd file{open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  for (std::size_t written = 0; file && written < text.size();) {
    auto count = write(file.get(), text.data() + written, text.size() - written);
    if (count == -1)
      return failed("cannot write " + path.string(), errno);
    written += static_cast<std::size_t>(count);
  }
  if (!file)
    return failed("cannot write " + path.string(), errno);
  return caf::unit;
}

/// At most one byte more than is allowed. Never waits: the program may have put a pipe in its place.
caf::expected<std::string> read_bounded(const std::filesystem::path& path) {
  unique_fd file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)};
  if (!file && errno == ENOENT)
    return std::string{};
  struct stat found {};
  if (!file || fstat(file.get(), &found) == -1)
    return failed("its result file can't be read", errno);
  if (!S_ISREG(found.st_mode))
    return make_error(errc::invalid_input, "its result file isn't a regular file");
  std::string result(result_bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < result.size()) {
    auto count = read(file.get(), result.data() + size, result.size() - size);
    if (count == -1)
      return failed("its result file can't be read", errno);
    if (count == 0)
      break;
    size += static_cast<std::size_t>(count);
  }
  result.resize(size);
  return result;
}

/// Others keep their own things beside them.
bool is_of_attempt(const fs::path& x) {
  const auto first = x.filename().string().front();
  return first >= '0' && first <= '9';
}

struct kept_file {
  fs::file_time_type written_at;
  std::uint64_t bytes;
  fs::path path;
};

/// What can't be read or removed is somebody else's, or gone already.
void trim(const fs::path& outputs, std::uint64_t bytes_max) {
  std::error_code ignored;
  std::vector<kept_file> files;
  std::uint64_t bytes = 0;
  for (auto& x : fs::directory_iterator{outputs, ignored}) {
    const auto size = x.file_size(ignored);
    if (!ignored)
      files.push_back({x.last_write_time(ignored), size, x.path()});
  }
  for (auto& x : files)
    bytes += x.bytes;
  std::sort(files.begin(), files.end(), [](auto& a, auto& b) { return a.written_at < b.written_at; });
  for (auto x = files.begin(); x != files.end() && bytes > bytes_max; ++x) {
    fs::remove(x->path, ignored);
    bytes -= x->bytes;
  }
}

/// From the files of an attempt, which are about to go.
void move_output(const fs::path& output) {
  std::error_code ignored;
  const auto outputs = output.parent_path() / outputs_name;
  if (!fs::is_regular_file(fs::symlink_status(output, ignored)))
    return;
  fs::create_directory(outputs, ignored);
  fs::permissions(outputs, fs::perms::owner_all, ignored);
  fs::rename(output, outputs / output.stem(), ignored);
}

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, "its result file " + sentence);
}

} // namespace

caf::expected<attempt_files> attempt_files::make(const std::filesystem::path& folder, const claim_ref& claim,
                                                 const std::string& last_failure) {
  // A program that removes it must not spoil the attempts of all others.
  if (mkdir(folder.c_str(), 0700) == -1 && errno != EEXIST)
    return failed("cannot make " + folder.string(), errno);
  attempt_files result;
  result.path_ = (folder / (to_string(claim.ticket) + "-" + to_string(claim.fence))).string();
  if (last_failure.empty())
    return result;
  if (auto done = write_file(result.path_ + last_failure_end, last_failure); !done)
    return std::move(done.error());
  result.has_last_failure_ = true;
  return result;
}

attempt_files::attempt_files(attempt_files&& x) noexcept
  : path_(std::exchange(x.path_, {})), has_last_failure_(x.has_last_failure_) {}

attempt_files& attempt_files::operator=(attempt_files&& x) noexcept {
  std::swap(path_, x.path_);
  std::swap(has_last_failure_, x.has_last_failure_);
  return *this;
}

attempt_files::~attempt_files() {
  std::error_code ignored; // the next start of the node sweeps
  if (!path_.empty())
    for (const auto* end : {result_end, last_failure_end, output_end})
      fs::remove_all(path_ + end, ignored);
}

std::string attempt_files::result_file() const {
  return path_.empty() ? "" : path_ + result_end;
}

std::string attempt_files::output_file() const {
  return path_.empty() ? "" : path_ + output_end;
}

void attempt_files::keep_output(std::uint64_t outputs_bytes_max) const {
  if (path_.empty())
    return;
  move_output(path_ + output_end);
  trim(fs::path{path_}.parent_path() / outputs_name, outputs_bytes_max);
}

std::string attempt_files::last_failure_file() const {
  return has_last_failure_ ? path_ + last_failure_end : "";
}

caf::expected<std::string> attempt_files::read_result() const {
  if (path_.empty())
    return std::string{};
  auto text = read_bounded(path_ + result_end);
  if (!text || text->empty())
    return text;
  if (text->size() > result_bytes_max)
    return wrong("is larger than a mebibyte");
  auto value = read_foreign_json(*text);
  if (!value)
    return wrong(render(value.error()));
  if (!value->is_object())
    return wrong("doesn't hold a JSON object");
  for (auto& [name, member] : value->items()) {
    if (name != "result" && name != "notes" && name != "usage" && name != "progress" && name != impossible)
      return wrong("has a member " + nlohmann::json(name).dump(-1, ' ', true)
                   + "; known are result, notes, usage, progress and spec_impossible");
    if (((name == "notes" || name == impossible) && !member.is_string()) || (name == "usage" && !member.is_object())
        || (name == "progress" && !member.is_number()))
      return wrong("must have texts as notes and spec_impossible, an object as usage and a number as progress");
  }
  return value->dump();
}

std::int64_t result_watch::look() {
  struct stat found {};
  if (file_.empty() || lstat(file_.c_str(), &found) == -1)
    return changes_;
  // Of one that is replaced by another the number is new, if nothing else is.
  const std::array<std::int64_t, 4> seen{static_cast<std::int64_t>(found.st_ino), found.st_size, found.st_mtim.tv_sec,
                                         found.st_mtim.tv_nsec};
  changes_ += std::exchange(seen_, seen) != seen;
  return changes_;
}

std::string why_impossible(std::string_view result) {
  const auto said = parse_object(result);
  return said ? cut(text_of(*said, impossible), why_bytes_max) : "";
}

void sweep_attempt_files(const std::filesystem::path& folder, std::uint64_t outputs_bytes_max) {
  if (folder.empty())
    return;
  std::error_code ignored;
  std::vector<fs::path> left;
  for (auto& x : fs::directory_iterator{folder, ignored})
    if (is_of_attempt(x.path()))
      left.push_back(x.path());
  for (auto& x : left) {
    if (x.extension() == output_end)
      move_output(x);
    fs::remove_all(x, ignored);
  }
  trim(folder / outputs_name, outputs_bytes_max);
}

} // namespace swarm::executors
