#include "runtime/checks/files_check.hpp"

#include "runtime/checks/evidence.hpp"
#include "runtime/checks/json_schema.hpp"
#include "runtime/executors/beneath.hpp"

#include <openssl/evp.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <memory>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace swarm::checks {

namespace {

using executors::open_beneath;
using executors::unique_fd;

finding error(const file_rule& rule, const std::string& what) {
  return {verdict::error, in_quotes(rule.path) + " " + what, {}};
}

finding fail(const file_rule& rule, const std::string& what) {
  return {verdict::fail, in_quotes(rule.path) + " " + what, {}};
}

bool is_missing(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR;
}

/// Why a path can't be opened, for people.
std::string reason(int error_number) {
  switch (error_number) {
    case EXDEV: return "leads out of the workspace by a link, so it isn't followed";
    case ELOOP: return "leads through links that go round in circles or into the kernel";
    case ENOSYS: return "can't be opened safely: this kernel has no openat2, which Linux has since 5.6";
    default: return "can't be opened: " + std::generic_category().message(error_number);
  }
}

struct content {
  std::string sha256; ///< In small letters.
  std::string text;   ///< Only if asked for.
};

std::string hex_of(const unsigned char* bytes, std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  for (std::size_t i = 0; i < size; ++i)
    result += {digits[bytes[i] >> 4], digits[bytes[i] & 0xF]};
  return result;
}

/// Reads a file of `size` bytes. One that has become shorter or longer meanwhile is an error: it may grow without end.
caf::expected<content> read_content(int file, std::uint64_t size, bool keeps_text) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
  const auto no_digest = [] { return make_error(errc::io_failed, "can't be hashed: OpenSSL refuses SHA-256"); };
  if (!digest || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1)
    return no_digest();
  content result;
  std::uint64_t total = 0;
  std::array<char, std::size_t{64} << 10> chunk;
  for (;;) {
    const auto got = ::read(file, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return make_error(errc::io_failed, "can't be read: " + std::generic_category().message(errno));
    total += static_cast<std::uint64_t>(got);
    if (total > size || (got == 0 && total < size))
      return make_error(errc::io_failed, "changed while it was read; have what writes it end before the check");
    if (got == 0)
      break;
    if (EVP_DigestUpdate(digest.get(), chunk.data(), static_cast<std::size_t>(got)) != 1)
      return no_digest();
    if (keeps_text)
      result.text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int hash_bytes = 0;
  if (EVP_DigestFinal_ex(digest.get(), hash.data(), &hash_bytes) != 1)
    return no_digest();
  result.sha256 = hex_of(hash.data(), hash_bytes);
  return result;
}

bool are_same_hex(std::string_view x, std::string_view y) {
  return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

/// An opened regular file and its size; else why there is none: `errc::not_found` when nothing is there, and
/// `errc::conflict` when it is something else.
struct regular_file {
  unique_fd file;
  std::uint64_t size = 0;
};

caf::expected<regular_file> open_regular(int root, const std::string& path) {
  // A handle on the place first, which opens nothing: opening a device, or a pipe, is already a deed.
  for (const auto flags : {O_PATH, O_RDONLY | O_NONBLOCK | O_NOCTTY}) {
    auto file = open_beneath(root, path, flags);
    if (!file)
      return make_error(is_missing(errno)                    ? errc::not_found
                        : errno == EXDEV || errno == ELOOP ? errc::conflict
                                                             : errc::io_failed,
                        reason(errno));
    struct stat info {};
    if (::fstat(file.get(), &info) != 0)
      return make_error(errc::io_failed, "can't be examined: " + std::generic_category().message(errno));
    if (!S_ISREG(info.st_mode))
      return make_error(errc::conflict, "isn't a regular file");
    if (flags != O_PATH)
      return regular_file{std::move(file), static_cast<std::uint64_t>(info.st_size)};
  }
  return make_error(errc::io_failed, "can't be opened");
}

caf::expected<content> read_regular(int root, const std::string& path, std::uint64_t bytes_max, bool keeps_text) {
  auto opened = open_regular(root, path);
  if (!opened)
    return std::move(opened.error());
  if (opened->size > bytes_max)
    return make_error(errc::io_failed, "has " + counted(opened->size, "byte") + ", too many to be read (" +
                                         std::to_string(bytes_max) + "); give it a bytes_max");
  return read_content(opened->file.get(), opened->size, keeps_text);
}

/// In words of the document as it may be shown.
finding check_document(const std::string& schema, const std::string& document, const redaction& redact) {
  auto judged = check_json(schema, document);
  const auto shown = redact(document);
  if (judged.verdict == verdict::pass || shown == document)
    return judged;
  auto words = check_json(schema, shown);
  return words.verdict == judged.verdict
           ? words
           : finding{judged.verdict, "the document doesn't match the schema where it holds a secret", {}};
}

finding check_content(int root, const file_rule& rule, const redaction& redact) {
  const auto content =
    read_regular(root, rule.path, rule.json_schema ? json_bytes_max : hashed_bytes_max, rule.json_schema.has_value());
  if (!content)
    return error(rule, render(content.error()));
  if (rule.sha256 && !are_same_hex(*rule.sha256, content->sha256))
    return fail(rule, "has the SHA-256 " + content->sha256 + ", not " + *rule.sha256);
  if (rule.json_schema) {
    auto judged = check_document(*rule.json_schema, content->text, redact);
    if (judged.verdict != verdict::pass)
      return {judged.verdict, in_quotes(rule.path) + ": " + judged.evidence, std::move(judged.detail)};
  }
  return {verdict::pass, {}, {}};
}

/// The SHA-256 of a file; empty when it is missing.
caf::expected<std::string> hash_if_any(int root, const std::string& path) {
  auto content = read_regular(root, path, hashed_bytes_max, false);
  if (content)
    return std::move(content->sha256);
  if (code_of(content.error()) == errc::not_found)
    return std::string{};
  return std::move(content.error());
}

finding check_protected(int root, const file_rule& rule, const file_notes& notes) {
  const auto note = notes.find(rule.path);
  if (note == notes.end())
    return error(rule, "is protected, and nobody noted what it was like before the work");
  const auto now = hash_if_any(root, rule.path);
  if (!now && code_of(now.error()) == errc::conflict)
    return fail(rule, "is protected, and now " + render(now.error()));
  if (!now)
    return error(rule, render(now.error()));
  if (*now == note->second)
    return {verdict::pass, {}, {}};
  return fail(rule, note->second.empty() ? "is protected, and the work has made it"
                    : now->empty()       ? "is protected, and the work has removed it"
                                         : "is protected, and the work has changed it");
}

finding check_file(int root, const file_rule& rule, const file_notes& notes, const redaction& redact) {
  if (rule.must_stay)
    return check_protected(root, rule, notes);
  if (!rule.must_exist) {
    return open_beneath(root, rule.path, O_PATH | O_NOFOLLOW) ? fail(rule, "exists, and must not")
           : is_missing(errno)                                ? finding{verdict::pass, {}, {}}
                                                              : error(rule, reason(errno));
  }
  const auto opened = open_regular(root, rule.path);
  if (!opened)
    return code_of(opened.error()) == errc::not_found ? fail(rule, "doesn't exist") : error(rule, render(opened.error()));
  if (rule.bytes_min && opened->size < *rule.bytes_min)
    return fail(rule, "has " + counted(opened->size, "byte") + ", fewer than " + std::to_string(*rule.bytes_min));
  if (rule.bytes_max && opened->size > *rule.bytes_max)
    return fail(rule, "has " + counted(opened->size, "byte") + ", more than " + std::to_string(*rule.bytes_max));
  return rule.sha256 || rule.json_schema ? check_content(root, rule, redact) : finding{verdict::pass, {}, {}};
}

} // namespace

caf::expected<file_notes> note_files(const work_folder& workspace, const std::vector<file_rule>& rules) {
  const auto root = workspace.open();
  if (!root)
    return root.error();
  file_notes result;
  for (auto& rule : rules) {
    if (!rule.must_stay)
      continue;
    auto hash = hash_if_any((*root)->get(), rule.path);
    if (!hash)
      return make_error(code_of(hash.error()), in_quotes(rule.path) + " " + render(hash.error()));
    result[rule.path] = std::move(*hash);
  }
  return result;
}

finding check_files(const work_folder& workspace, const std::vector<file_rule>& rules,
                    const file_notes& notes, const redaction& redact) {
  if (rules.empty())
    return {verdict::error, "the check of files names no file", {}};
  const auto root = workspace.open();
  if (!root)
    return {verdict::error, render(root.error()), {}};
  finding worst{
    verdict::pass, counted(rules.size(), "file") + (rules.size() == 1 ? " is as it" : " are as they") + " must be", {}};
  std::string detail;
  std::uint64_t bad = 0;
  for (auto& rule : rules) {
    auto one = check_file((*root)->get(), rule, notes, redact);
    if (one.verdict == verdict::pass)
      continue;
    ++bad;
    detail += one.evidence + "\n" + one.detail;
    if (worst.verdict == verdict::pass || (worst.verdict == verdict::fail && one.verdict == verdict::error))
      worst = std::move(one);
  }
  if (bad > 1)
    worst.evidence += ", and " + counted(bad - 1, "more file") + " of " + std::to_string(rules.size());
  worst.detail = head_and_tail(detail);
  return worst;
}

finding remove_file(const work_folder& workspace, const std::string& path) {
  const auto root = workspace.open();
  if (!root)
    return {verdict::error, render(root.error()), {}};
  const auto name = std::filesystem::path{path}.filename();
  const auto folder = std::filesystem::path{path}.parent_path();
  const auto parent = open_beneath((*root)->get(), folder.empty() ? "." : folder.string(), O_PATH | O_DIRECTORY);
  if (!parent && !is_missing(errno))
    return {verdict::error, in_quotes(path) + " " + reason(errno), {}};
  if (parent && ::unlinkat(parent.get(), name.c_str(), 0) != 0 && !is_missing(errno))
    return {verdict::error, in_quotes(path) + " can't be removed: " + std::generic_category().message(errno), {}};
  return {verdict::pass, {}, {}};
}

caf::expected<std::string> read_file(const work_folder& workspace, const std::string& path, std::uint64_t bytes_max) {
  const auto root = workspace.open();
  if (!root)
    return root.error();
  auto content = read_regular((*root)->get(), path, bytes_max, true);
  if (!content)
    return make_error(code_of(content.error()), in_quotes(path) + " " + (code_of(content.error()) == errc::not_found
                                                                           ? "doesn't exist" : render(content.error())));
  return std::move(content->text);
}

} // namespace swarm::checks
