#include "config/yaml_document.hpp"

#include "config/utf8.hpp"
#include "config/yaml_guard.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace swarm::config {

namespace {

class descriptor {
public:
  explicit descriptor(int value) : value_(value) {}

  ~descriptor() {
    if (value_ >= 0)
      ::close(value_);
  }

  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;

  int get() const { return value_; }

private:
  int value_;
};

std::string sentence_of(int error_number) {
  switch (error_number) {
    case ENOENT: return "there is no such file; check the path";
    case ENOTDIR: return "a part of the path is not a directory; check the path";
    case EACCES: return "permission denied: this user may not read the file or enter one of its directories";
    case ENXIO: return "is a socket or device; a regular file is needed"; // What open() says of a socket.
    default: return "can't be read: " + std::generic_category().message(error_number);
  }
}

std::string too_large(std::size_t file_bytes_max) {
  return "is larger than " + grouped(file_bytes_max) + " bytes, the most that is read; split it";
}

// @returns what speaks against reading the file, or nothing to say.
std::string check_status(int file, std::size_t file_bytes_max) {
  struct stat status {};
  if (::fstat(file, &status) != 0)
    return sentence_of(errno);
  if (S_ISDIR(status.st_mode))
    return "is a directory; name a file in it";
  if (!S_ISREG(status.st_mode))
    return "is a pipe or device; a regular file is needed";
  if (std::cmp_greater(status.st_size, file_bytes_max))
    return too_large(file_bytes_max);
  return {};
}

// Fills `text`. @returns what prevented it, or nothing to say.
std::string read_file(const std::filesystem::path& path, std::size_t file_bytes_max, std::string& text) {
  // Opening a pipe without a writer would wait for one.
  const descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (file.get() < 0)
    return sentence_of(errno);
  if (auto reason = check_status(file.get(), file_bytes_max); !reason.empty())
    return reason;
  std::array<char, 65536> piece;
  for (;;) {
    const auto size = ::read(file.get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR)
      continue;
    if (size < 0)
      return sentence_of(errno);
    if (size == 0)
      return {};
    text.append(piece.data(), static_cast<std::size_t>(size));
    // It may grow while it is read, and files of /proc say that they are empty.
    if (text.size() > file_bytes_max)
      return too_large(file_bytes_max);
  }
}

bool is_control(char c) {
  const auto x = static_cast<unsigned char>(c);
  return (x < 0x20 && c != '\t' && c != '\n' && c != '\r') || x == 0x7f;
}

// What no YAML file may hold. Must be kept from yaml-cpp: it takes the byte 0x04 for the end of the file.
std::optional<problem> find_binary(std::string_view text, const std::string& source) {
  const auto prefix = utf8_prefix(text);
  const auto control = std::find_if(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(prefix), is_control);
  const auto offset = static_cast<std::size_t>(control - text.begin());
  if (offset == text.size())
    return std::nullopt;
  std::array<char, 8> hex{};
  std::snprintf(hex.data(), hex.size(), "0x%02x", static_cast<unsigned>(static_cast<unsigned char>(text[offset])));
  const auto before = text.substr(0, offset);
  const auto line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto what = offset < prefix ? "holds the control character " : "isn't UTF-8: it holds the byte ";
  return problem{source, static_cast<int>(line), static_cast<int>(offset - line_begin + 1),
                 std::string{what} + hex.data() + "; a YAML file is UTF-8 text"};
}

// @returns the column of the first tab before any text on a line, or -1; both count from 0.
int tab_in_indentation(std::string_view text, int line) {
  for (; line > 0 && !text.empty(); --line)
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  const auto tab = text.find_first_not_of(' ');
  return line == 0 && tab != std::string_view::npos && text[tab] == '\t' ? static_cast<int>(tab) : -1;
}

problem problem_of(const YAML::Exception& x, std::string_view text, const std::string& source) {
  // yaml-cpp takes a tab for a part of what follows it, and complains of that.
  if (const auto tab = tab_in_indentation(text, x.mark.line); tab >= 0)
    return {source, x.mark.line + 1, tab + 1, "this line is indented with a tab; YAML allows spaces only"};
  // The place is unknown when a token was cut off by the end of the file.
  return {source, std::max(x.mark.line + 1, 0), std::max(x.mark.column + 1, 0), x.msg};
}

std::optional<yaml_document> build(std::string_view text, std::string source, problems& found,
                                   const yaml_limits& limits) {
  if (guard_yaml(text, source, limits, found) == yaml_content::nothing)
    return yaml_document{std::move(source), YAML::Node{YAML::NodeType::Undefined}};
  auto root = YAML::Load(std::string{text});
  return yaml_document{std::move(source), std::move(root)};
}

} // namespace

std::optional<yaml_document> read_yaml(const std::filesystem::path& file, problems& found, const yaml_limits& limits) {
  std::string text;
  if (auto reason = read_file(file, limits.file_bytes_max, text); !reason.empty()) {
    found.push_back({file.string(), 0, 0, std::move(reason)});
    return std::nullopt;
  }
  return parse_yaml(text, file.string(), found, limits);
}

std::optional<yaml_document> parse_yaml(std::string_view text, std::string source, problems& found,
                                        const yaml_limits& limits) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark))
    text.remove_prefix(byte_order_mark.size());
  if (text.empty()) {
    found.push_back({std::move(source), 0, 0, "is empty"});
    return std::nullopt;
  }
  if (text.size() > limits.file_bytes_max) {
    found.push_back({std::move(source), 0, 0, too_large(limits.file_bytes_max)});
    return std::nullopt;
  }
  if (auto binary = find_binary(text, source)) {
    found.push_back(std::move(*binary));
    return std::nullopt;
  }
  try {
    return build(text, source, found, limits);
  } catch (const YAML::Exception& x) {
    found.push_back(problem_of(x, text, source));
  } catch (const std::exception& x) {
    found.push_back({source, 0, 0, std::string{"is not valid YAML: "} + x.what()});
  }
  return std::nullopt;
}

problem problem_at(const std::string& source, const YAML::Node& node, std::string text) {
  // Mark() throws for a node that was looked for and not found.
  const auto mark = node.IsDefined() ? node.Mark() : YAML::Mark::null_mark();
  return {source, mark.line + 1, mark.column + 1, std::move(text)};
}

} // namespace swarm::config
