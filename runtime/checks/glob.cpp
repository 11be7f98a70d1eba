#include "runtime/checks/glob.hpp"

#include "runtime/checks/evidence.hpp"

#include <algorithm>

namespace swarm::checks {

namespace {

constexpr std::size_t glob_bytes_max = 4096;

/// What is wrong with a pattern; empty when nothing is.
std::string problem_of(std::string_view text) {
  if (text.empty())
    return "is empty; '**' stands for everything";
  if (text.size() > glob_bytes_max)
    return "is longer than " + std::to_string(glob_bytes_max) + " bytes";
  if (text.find_first_of(std::string_view{"[]{}!\\\0", 7}) != text.npos)
    return "has a sign of '[]{}!\\', which has no meaning here; '?' stands for any byte";
  if (text.front() == '/')
    return "begins with '/'; paths begin at the root of the workspace, without it";
  for (auto rest = text;;) {
    const auto segment = rest.substr(0, rest.find('/'));
    if (segment.empty())
      return "has an empty segment; a folder with all that is in it is 'folder' or 'folder/**'";
    if (segment == "." || segment == "..")
      return "has a segment '.' or '..', which no changed path has";
    if (segment.size() == rest.size())
      return {};
    rest.remove_prefix(segment.size() + 1);
  }
}

} // namespace

caf::expected<glob> glob::parse(std::string_view text) {
  if (auto problem = problem_of(text); !problem.empty())
    return make_error(errc::invalid_input, "the pattern " + in_quotes(text) + " " + problem);
  glob result;
  result.read(text);
  return result;
}

void glob::read(std::string_view text) {
  names_folder_ = text.substr(text.rfind('/') + 1).find_first_of("*?") == text.npos;
  auto is_at_segment = true;
  while (!text.empty()) {
    const auto byte = text.front();
    if (is_at_segment && text.starts_with("**/")) {
      tokens_.insert(tokens_.end(), {{kind::folders}, {kind::inside_folder}});
      text.remove_prefix(3);
    } else if (text.starts_with("**")) {
      tokens_.push_back({kind::anywhere});
      text.remove_prefix(2);
      is_at_segment = false;
    } else {
      tokens_.push_back({byte == '*' ? kind::in_segment : byte == '?' ? kind::one : kind::literal, byte});
      text.remove_prefix(1);
      is_at_segment = byte == '/';
    }
  }
}

/// Marks a place in the pattern, and those behind it that are reached without a byte of the path.
void glob::enter(std::vector<bool>& places, std::size_t place) const {
  while (!places[place]) {
    places[place] = true;
    if (place == tokens_.size())
      return;
    const auto what = tokens_[place].what;
    if (what == kind::folders)
      place += 2;
    else if (what == kind::in_segment || what == kind::anywhere)
      ++place;
  }
}

bool glob::matches(std::string_view path) const {
  // All places in the pattern where the bytes so far may have led. One after the other would take exponential time.
  std::vector<bool> places(tokens_.size() + 1);
  std::vector<bool> next;
  enter(places, 0);
  for (const auto byte : path) {
    if (byte == '/' && names_folder_ && places.back())
      return true;
    next.assign(places.size(), false);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (!places[i])
        continue;
      switch (tokens_[i].what) {
        case kind::literal:
          if (byte == tokens_[i].byte)
            enter(next, i + 1);
          break;
        case kind::one:
          if (byte != '/')
            enter(next, i + 1);
          break;
        case kind::in_segment:
          if (byte != '/')
            enter(next, i);
          break;
        case kind::anywhere: enter(next, i); break;
        case kind::folders:
          if (byte != '/')
            enter(next, i + 1);
          break;
        case kind::inside_folder: enter(next, byte == '/' ? i - 1 : i); break;
      }
    }
    places.swap(next);
  }
  return places.back();
}

} // namespace swarm::checks
