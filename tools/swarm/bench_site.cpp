#include "tools/swarm/bench_site.hpp"

#include "runtime/log.hpp"
#include "runtime/store/migrate.hpp"
#include "runtime/store/queries.hpp"
#include "tools/swarm/invocation.hpp"

#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

/// User and system time in clock ticks, of the process and of its children that have ended.
std::int64_t cpu_ticks(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text;
  std::getline(in, text);
  // Behind the name, which may hold anything, and eleven more fields: see proc(5).
  std::istringstream fields{text.substr(std::min(text.size(), text.rfind(')') + 1))};
  std::string skipped;
  for (int i = 0; i < 11; ++i)
    fields >> skipped;
  std::int64_t sum = 0;
  for (std::int64_t x = 0, i = 0; i < 4 && fields >> x; ++i)
    sum += x;
  return sum;
}

} // namespace

caf::expected<std::filesystem::path> make_scratch_folder() {
  const char* named = std::getenv("TMPDIR");
  std::string path = std::string{named == nullptr || *named == '\0' ? "/var/tmp" : named} + "/swarm-bench-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return make_error(errc::io_failed, "cannot create " + path + ": " + std::strerror(errno)
                                         + "; name a directory with some GB of room in $TMPDIR");
  return std::filesystem::canonical(path);
}

caf::expected<std::unique_ptr<bench_site>> bench_site::open(const config::node_config& values, const signals& incoming,
                                                            bool keep) {
  std::unique_ptr<bench_site> result{new bench_site{values, incoming, keep}};
  if (auto done = result->set_up(); !done)
    return result->interrupted_ ? interruption() : std::move(done.error());
  return result;
}

caf::expected<void> bench_site::set_up() {
  auto folder = make_scratch_folder();
  if (!folder)
    return std::move(folder.error());
  root_ = *folder;
  auto opened = runtime::home::open(root_);
  if (!opened)
    return std::move(opened.error());
  if (auto logging = runtime::set_up_logging(values_.log, opened->log() / "swarm.log", runtime::log_terminal::nothing);
      !logging)
    return std::move(logging.error());
  auto lock = runtime::home_lock::take(*opened, "swarm bench", "");
  if (!lock)
    return std::move(lock.error());
  lock_ = std::move(*lock);
  auto settings = embedded_settings(values_);
  settings.give_up = [this] { return interrupted(); };
  auto started = runtime::embedded_postgres::start(*lock_, std::move(settings));
  if (!started)
    return std::move(started.error());
  postgres_ = std::move(*started);
  auto db = connect(postgres_->conninfo());
  if (!db)
    return std::move(db.error());
  auto facts = store::check_server(*db);
  if (!facts)
    return std::move(facts.error());
  server_ = *facts;
  return caf::unit;
}

bench_site::~bench_site() {
  postgres_.reset();
  lock_.reset();
  if (root_.empty())
    return;
  if (keep_) {
    std::cerr << "swarm: the benchmark's home stays in " << root_.string() << '\n';
    return;
  }
  std::error_code failure;
  std::filesystem::remove_all(root_, failure);
  if (failure)
    std::cerr << "swarm: cannot remove " << root_.string() << ": " << failure.message() << '\n';
}

caf::expected<std::string> bench_site::make_database(const std::string& name) {
  auto maintenance = connect(postgres_->conninfo());
  if (!maintenance)
    return std::move(maintenance.error());
  if (auto made = maintenance->script("CREATE DATABASE " + name, "create database"); !made)
    return std::move(made.error());
  auto conninfo = postgres_->conninfo(name);
  auto db = connect(conninfo);
  if (!db)
    return std::move(db.error());
  if (auto migrated = store::migrate(*db); !migrated)
    return std::move(migrated.error());
  if (auto written = store::checkpoint(*db); !written)
    return std::move(written.error());
  return conninfo;
}

caf::expected<void> bench_site::drop_database(const std::string& name) {
  if (keep_)
    return caf::unit;
  auto maintenance = connect(postgres_->conninfo());
  if (!maintenance)
    return std::move(maintenance.error());
  return maintenance->script("DROP DATABASE " + name + " WITH (FORCE)", "drop database");
}

caf::expected<store::connection> bench_site::connect(const std::string& conninfo) const {
  auto settings = connection_settings(values_, conninfo, "swarm bench");
  settings.statement_timeout = 10min; // checkpoints and audits
  return store::connection::open(settings);
}

bool bench_site::interrupted() {
  interrupted_ = interrupted_ || incoming_.wait_for(0ms);
  return interrupted_;
}

std::chrono::microseconds bench_site::server_cpu() const {
  auto postmaster = postgres_->pid();
  auto ticks = cpu_ticks(postmaster);
  auto self = std::to_string(postmaster);
  std::ifstream children{"/proc/" + self + "/task/" + self + "/children"};
  for (pid_t child = 0; children >> child;)
    ticks += cpu_ticks(child);
  return std::chrono::microseconds{ticks * (1'000'000 / ::sysconf(_SC_CLK_TCK))};
}

bool bench_site::is_in_memory() const {
  struct statfs info {};
  return ::statfs(root_.c_str(), &info) == 0 && info.f_type == TMPFS_MAGIC;
}

caf::error interruption() {
  return make_error(errc::shutting_down, "interrupted");
}

} // namespace swarm::cli
