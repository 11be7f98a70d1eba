#include "runtime/server_log.hpp"

#include <array>
#include <fstream>
#include <sstream>
#include <string_view>

namespace swarm::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t new_bytes_max = 64u << 10;

// A start that fails says at most one of these for its reason; hints and details follow it.
constexpr std::array<std::string_view, 6> marks{"PANIC:",  "FATAL:", "ERROR:",
                                                "DETAIL:", "HINT:",  "No space left on device"};

std::string decisive_lines(const std::string& text) {
  std::istringstream lines{text};
  std::string result;
  std::string last;
  std::string notes;
  auto is_relevant = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty())
      continue;
    last = line;
    for (auto mark : marks) {
      auto at = line.find(mark);
      if (at == std::string::npos)
        continue;
      // The hint of an informational line, e.g. where the log goes, explains nothing.
      auto begins_reason = mark != "DETAIL:" && mark != "HINT:";
      // What is wrong in it stands in the lines before.
      if (line.find("configuration file") != std::string::npos)
        result.append(notes);
      if (begins_reason || is_relevant)
        result.append(result.empty() ? "" : " ").append(line, mark.ends_with(':') ? at : 0);
      is_relevant = is_relevant || begins_reason;
      break;
    }
    if (auto at = line.find("LOG:"); at != std::string::npos) {
      notes.append(notes.empty() ? "" : " ").append(line, at);
      is_relevant = false;
    }
  }
  return result.empty() ? last : result;
}

std::string tail_of(const fs::path& file, std::uintmax_t begin, std::uintmax_t end) {
  if (end - begin > new_bytes_max)
    begin = end - new_bytes_max;
  std::ifstream in{file, std::ios::binary};
  in.seekg(static_cast<std::streamoff>(begin));
  std::string text(static_cast<std::size_t>(end - begin), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

} // namespace

server_log::server_log(fs::path directory) : directory_(std::move(directory)), known_(sizes()) {}

std::map<fs::path, std::uintmax_t> server_log::sizes() const {
  std::map<fs::path, std::uintmax_t> result;
  std::error_code ignored;
  for (fs::directory_iterator i{directory_, ignored}, end; i != end; i.increment(ignored))
    if (fs::is_regular_file(i->symlink_status(ignored)))
      result[i->path()] = fs::file_size(i->path(), ignored);
  return result;
}

std::string server_log::complaint(const child_process& server) const {
  auto text = server.output();
  for (const auto& [file, size] : sizes()) {
    auto before = known_.find(file);
    auto begin = before == known_.end() ? 0 : before->second;
    if (size > begin)
      text.append("\n").append(tail_of(file, begin, size));
  }
  auto words = decisive_lines(text);
  return words.empty() ? "postgres " + server.ending() : words;
}

} // namespace swarm::runtime
