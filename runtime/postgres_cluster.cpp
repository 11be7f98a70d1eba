#include "runtime/postgres_cluster.hpp"

#include "runtime/child_process.hpp"

#include <fcntl.h>
#include <locale.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

namespace swarm::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view draft_prefix = "data.new-";

// A slow disk needs a minute; a hung one shall not hang the node.
constexpr std::chrono::minutes initdb_patience{10};

std::optional<os_account> account_of(uid_t uid) {
  if (auto* entry = ::getpwuid(uid))
    return os_account{uid, entry->pw_gid, entry->pw_name};
  return std::nullopt;
}

/// Whom PostgreSQL runs as when the directory doesn't say it yet.
caf::expected<os_account> choose_account() {
  if (::geteuid() != 0) {
    if (auto self = account_of(::geteuid()))
      return *self;
    return make_error(errc::not_found, "user id " + std::to_string(::geteuid())
                                         + " has no entry in the user database, which PostgreSQL needs; add one");
  }
  for (const char* name : {"postgres", "nobody"})
    if (auto* entry = ::getpwnam(name); entry && entry->pw_uid != 0)
      return os_account{entry->pw_uid, entry->pw_gid, entry->pw_name};
  return make_error(errc::not_found, "PostgreSQL doesn't run as root, and there is neither a user 'postgres' nor "
                                     "'nobody'; create one (useradd --system postgres) or run swarm as another user");
}

caf::expected<os_account> owner_of(const fs::path& path, const descriptor& directory) {
  struct stat info {};
  if (::fstat(directory.get(), &info) != 0)
    return os_error("look at " + path.string(), errno);
  // Root owns it only between its creation and the change of owner below.
  if (info.st_uid == 0 && ::geteuid() == 0)
    return choose_account();
  if (::geteuid() != 0 && info.st_uid != ::geteuid())
    return make_error(errc::not_permitted, path.string() + " belongs to user id " + std::to_string(info.st_uid)
                                             + "; run swarm as the user who made it");
  if (auto owner = account_of(info.st_uid))
    return *owner;
  return make_error(errc::not_found, path.string() + " belongs to user id " + std::to_string(info.st_uid)
                                       + ", which has no entry in the user database; add one or change the owner");
}

std::string_view locale_name() {
  if (auto locale = ::newlocale(LC_ALL_MASK, "C.UTF-8", nullptr)) {
    ::freelocale(locale);
    return "C.UTF-8";
  }
  return "C";
}

std::string make_conf(const postgres_tuning& tuning) {
  return "# Written by swarm at every start. Put settings of your own into postgresql.conf, below the include line.\n"
         "cluster_name = 'swarm'\n"
         "max_connections = " + std::to_string(tuning.max_connections) + "\n"
         "shared_buffers = '" + std::to_string(tuning.shared_buffers_bytes >> 10) + "kB'\n"
         // A ticket that was reported done must be done after a power cut.
         "fsync = on\n"
         "synchronous_commit = on\n"
         "full_page_writes = on\n"
         // Small rows that change often: fewer, larger checkpoints write fewer full pages, and the hot tables are
         // vacuumed before dead rows slow down the next claim.
         "wal_compression = on\n"
         "max_wal_size = '1GB'\n"
         "checkpoint_timeout = '15min'\n"
         "autovacuum_naptime = '10s'\n"
         "random_page_cost = 1.1\n"
         "jit = off\n"
         "timezone = 'UTC'\n"
         "log_timezone = 'UTC'\n"
         "lc_messages = 'C'\n"
         // A file per day of the week, emptied a week later, bounds the log without a program that tends it.
         "logging_collector = on\n"
         "log_directory = '../log'\n"
         "log_filename = 'postgresql-%a.log'\n"
         "log_truncate_on_rotation = on\n"
         "log_rotation_age = '1d'\n"
         "log_rotation_size = 0\n"
         "log_line_prefix = '%m [%p] %a '\n";
}

std::string make_ident(const os_account& server) {
  auto line = [](const std::string& name) { return "swarm \"" + name + "\" swarm\n"; };
  auto text = "# Written by swarm at every start: who may connect as the role swarm.\n" + line(server.name);
  if (auto self = account_of(::geteuid()); self && self->uid != server.uid)
    text += line(self->name);
  return text;
}

// What initdb writes (40 MB), the first segment of the log (16 MB) and the database `swarm` (8 MB), with some room.
constexpr std::uint64_t creation_bytes_min = 80u << 20;

/// initdb's own words from where it went wrong.
std::string complaint(const std::string& output) {
  auto begin = output.find("initdb: error:");
  auto text = begin == std::string::npos ? output : output.substr(begin);
  if (auto full = output.find("No space left on device"); full != std::string::npos)
    text = output.substr(output.rfind('\n', full) + 1);
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text;
}

caf::expected<void> run_initdb(const postgres_binaries& programs, const postgres_cluster& cluster,
                               const std::string& draft) {
  child_plan plan;
  plan.argv = {(programs.directory / "initdb").string(), "-D", "/proc/self/fd/3/" + draft, "--data-checksums", "-E",
               "UTF8", "--locale=" + std::string{locale_name()},
               // Bytes in order: the order of code points in UTF-8, without a library whose update breaks indexes.
               "--lc-collate=C", "--lc-messages=C", "-U", "swarm", "--auth=peer", "--no-instructions"};
  plan.account = cluster.account();
  plan.directory = cluster.directory();
  auto run = child_process::start(plan);
  if (!run)
    return run.error();
  if (!run->ended(initdb_patience)) {
    run->signal(SIGKILL);
    run->ended(initdb_patience);
    return cluster.failed("create a database", "initdb doesn't end");
  }
  if (run->succeeded())
    return caf::unit;
  auto words = complaint(run->output());
  return cluster.failed("create a database", words.empty() ? "initdb " + run->ending() : words);
}

caf::expected<void> add_include(const postgres_cluster& cluster, const descriptor& data) {
  auto text = read_file_at(data.get(), "postgresql.conf", 1u << 20);
  if (!text)
    return text.error();
  auto whole = *text + "\ninclude 'swarm.conf'\n";
  if (auto written = replace_file_at(data.get(), "postgresql.conf", whole, cluster.account()); !written)
    return cluster.failed("create a database", render(written.error()));
  return caf::unit;
}

void remove_drafts(const fs::path& path) {
  std::error_code ignored;
  for (fs::directory_iterator i{path, ignored}, end; i != end; i.increment(ignored))
    if (i->path().filename().string().starts_with(draft_prefix)) {
      std::error_code still_ignored;
      fs::remove_all(i->path(), still_ignored);
    }
}

} // namespace

caf::error postgres_cluster::failed(const std::string& what, const std::string& words) const {
  if (words.find("No space left on device") != std::string::npos
      || words.find("Disk quota exceeded") != std::string::npos)
    return make_error(errc::disk_full, "cannot " + what + " in " + path_.string() + ": the disk is full ("
                                         + free_space(path_) + "); make room and start again");
  return make_error(errc::io_failed, "cannot " + what + " in " + path_.string() + ": " + words);
}

caf::expected<postgres_cluster> postgres_cluster::open(const home& where) {
  postgres_cluster result;
  result.path_ = where.postgres();
  if (::mkdir(result.path_.c_str(), 0700) != 0 && errno != EEXIST)
    return os_error("create " + result.path_.string(), errno, free_space(where.root()));
  auto directory = open_directory(result.path_);
  if (!directory)
    return directory.error();
  auto account = owner_of(result.path_, *directory);
  if (!account)
    return account.error();
  if (::geteuid() == 0 && ::fchown(directory->get(), account->uid, account->gid) != 0)
    return os_error("give " + result.path_.string() + " to user " + account->name, errno,
                    "put swarm's home on a file system that keeps owners");
  result.account_ = std::move(*account);
  result.directory_ = std::move(*directory);
  return result;
}

caf::expected<std::optional<int>> postgres_cluster::major() const {
  auto text = read_file_at(directory(), "data/PG_VERSION", 32);
  if (!text && code_of(text.error()) == errc::not_found)
    return std::optional<int>{};
  if (!text)
    return text.error();
  auto number = std::strtol(text->c_str(), nullptr, 10);
  if (number < postgres_major_min || number > 999)
    return make_error(errc::database_unsuitable,
                      (path_ / "data").string() + " was made by PostgreSQL '" + text->substr(0, text->find('\n'))
                        + "', which swarm doesn't support");
  return std::optional<int>{static_cast<int>(number)};
}

caf::expected<void> postgres_cluster::create(const postgres_binaries& programs) {
  remove_drafts(path_);
  // Asked first, because an initdb that meets the end of the disk crashes and leaves shared memory behind.
  if (auto bytes = free_bytes(path_); bytes && *bytes < creation_bytes_min)
    return make_error(errc::disk_full, "cannot create a database in " + path_.string() + ": it takes "
                                         + std::to_string(creation_bytes_min >> 20) + " MB, and the disk has "
                                         + free_space(path_) + "; make room and start again");
  auto draft = std::string{draft_prefix} + std::to_string(::getpid());
  auto build = [&]() -> caf::expected<void> {
    if (auto made = run_initdb(programs, *this, draft); !made)
      return made.error();
    auto data = open_directory(path_ / draft);
    if (!data)
      return data.error();
    return add_include(*this, *data);
  };
  if (auto built = build(); !built) {
    remove_drafts(path_);
    return built.error();
  }
  if (::renameat(directory(), draft.c_str(), directory(), "data") != 0) {
    auto cause = errno;
    remove_drafts(path_);
    if (cause == ENOTEMPTY || cause == EEXIST || cause == ENOTDIR)
      return make_error(errc::conflict, (path_ / "data").string() + " isn't a PostgreSQL cluster; move it away");
    return os_error("rename " + (path_ / draft).string(), cause);
  }
  ::fsync(directory());
  return caf::unit;
}

caf::expected<descriptor> postgres_cluster::open_data() const {
  return open_directory(path_ / "data");
}

caf::expected<bool> postgres_cluster::configure(const postgres_tuning& tuning) {
  auto data = open_data();
  if (!data)
    return data.error();
  const std::array<std::pair<const char*, std::string>, 3> files{{
    {"swarm.conf", make_conf(tuning)},
    {"pg_hba.conf", "# Written by swarm at every start: the kernel vouches for who is at the other end of the socket.\n"
                    "local all all peer map=swarm\n"},
    {"pg_ident.conf", make_ident(account_)},
  }};
  bool changed = false;
  for (const auto& [name, text] : files) {
    auto present = read_file_at(data->get(), name, 1u << 20);
    if (present && *present == text)
      continue;
    if (auto written = replace_file_at(data->get(), name, text, account_); !written)
      return failed("write " + std::string{name}, render(written.error()));
    changed = true;
  }
  return changed;
}

} // namespace swarm::runtime
