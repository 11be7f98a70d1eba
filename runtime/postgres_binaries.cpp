#include "runtime/postgres_binaries.hpp"

#include "runtime/child_process.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <vector>

namespace swarm::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds version_patience{10};

/// Folders that hold one installation per version: parent, what the names begin with, where the programs are in it.
struct versioned_place {
  const char* parent;
  std::string_view prefix;
  const char* programs;
};

constexpr std::array<versioned_place, 7> versioned_places{{
  {"/usr/lib/postgresql", "", "bin"},                   // Debian, Ubuntu
  {"/usr", "pgsql-", "bin"},                            // RPMs of postgresql.org
  {"/usr/lib64", "postgresql-", "bin"},                 // Gentoo
  {"/usr/libexec", "postgresql", ""},                   // Alpine
  {"/opt/homebrew/opt", "postgresql@", "bin"},          // Homebrew
  {"/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"},
  {"/usr/local/opt", "postgresql@", "bin"},
}};

constexpr std::array<const char*, 3> plain_places{"/usr/local/pgsql/bin", "/opt/homebrew/bin", "/usr/bin"};

int leading_number(std::string_view text) {
  int result = 0;
  for (char c : text.substr(0, 6)) {
    if (c < '0' || c > '9')
      break;
    result = result * 10 + (c - '0');
  }
  return result;
}

std::vector<fs::path> newest_first(const versioned_place& place) {
  std::vector<std::pair<int, fs::path>> found;
  std::error_code ignored;
  for (fs::directory_iterator i{place.parent, ignored}, end; i != end; i.increment(ignored)) {
    auto name = i->path().filename().string();
    if (!name.starts_with(place.prefix))
      continue;
    if (auto version = leading_number(std::string_view{name}.substr(place.prefix.size())); version > 0)
      found.emplace_back(version, i->path() / place.programs);
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> result;
  for (auto& [version, path] : found)
    result.push_back(std::move(path));
  return result;
}

std::vector<fs::path> usual_places() {
  std::vector<fs::path> result;
  const char* path = std::getenv("PATH");
  std::istringstream entries{path ? path : ""};
  // A relative entry would let the current folder choose the server.
  for (std::string entry; std::getline(entries, entry, ':');)
    if (entry.starts_with('/'))
      result.emplace_back(entry);
  for (const auto& place : versioned_places)
    for (auto& found : newest_first(place))
      result.push_back(std::move(found));
  result.insert(result.end(), plain_places.begin(), plain_places.end());
  return result;
}

bool holds_server(const fs::path& directory) {
  std::error_code ignored;
  return fs::is_regular_file(directory / "postgres", ignored) && fs::is_regular_file(directory / "initdb", ignored);
}

/// The version in "postgres (PostgreSQL) 15.4 (Debian 15.4-1)".
std::string parse_version(const std::string& text) {
  constexpr std::string_view mark = "(PostgreSQL) ";
  auto begin = text.find(mark);
  if (begin == std::string::npos)
    return {};
  begin += mark.size();
  return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

caf::expected<postgres_binaries> inspect(const fs::path& directory, const os_account& account) {
  auto program = (directory / "postgres").string();
  auto run = child_process::start({{program, "--version"}, account});
  if (!run)
    return run.error();
  if (!run->ended(version_patience)) {
    run->signal(SIGKILL);
    run->ended(version_patience);
    return make_error(errc::io_failed, program + " --version doesn't end");
  }
  auto version = parse_version(run->output());
  auto major = leading_number(version);
  if (!run->succeeded() || major == 0)
    return make_error(errc::io_failed, program + " --version tells no version");
  return postgres_binaries{directory, major, version};
}

caf::error nothing_fits(const fs::path& bin_dir, std::optional<int> major, const std::vector<std::string>& found) {
  auto wanted = major ? "PostgreSQL " + std::to_string(*major) + ", which made this database"
                      : "PostgreSQL " + std::to_string(postgres_major_min) + " or newer";
  auto sentence = "swarm needs the server programs of " + wanted + ", ";
  if (found.empty())
    sentence += bin_dir.empty() ? "and found none on this machine" : "and found none in " + bin_dir.string();
  else {
    sentence += "but found ";
    for (std::size_t i = 0; i < found.size(); ++i)
      sentence += (i ? ", " : "") + found[i];
  }
  sentence += "; install them (Debian, Ubuntu: apt-get install postgresql-"
              + std::to_string(major.value_or(postgres_major_min)) + ") or name their folder";
  return make_error(errc::not_found, std::move(sentence));
}

} // namespace

caf::expected<postgres_binaries> find_postgres(const fs::path& bin_dir, std::optional<int> major,
                                               const os_account& account) {
  auto places = bin_dir.empty() ? usual_places() : std::vector{fs::absolute(bin_dir)};
  std::vector<fs::path> seen;
  std::vector<std::string> unfit;
  for (const auto& place : places) {
    std::error_code ignored;
    auto real = fs::canonical(place, ignored);
    if (real.empty() || std::find(seen.begin(), seen.end(), real) != seen.end() || !holds_server(place))
      continue;
    seen.push_back(real);
    auto found = inspect(place, account);
    if (!found)
      unfit.push_back(render(found.error()));
    else if (major ? found->major == *major : found->major >= postgres_major_min)
      return found;
    else
      unfit.push_back("PostgreSQL " + found->version + " in " + place.string());
  }
  return nothing_fits(bin_dir, major, unfit);
}

} // namespace swarm::runtime
