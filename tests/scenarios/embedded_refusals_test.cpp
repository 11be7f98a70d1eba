#define CAF_SUITE embedded_refusals

#include "runtime/postmaster.hpp"
#include "tests/fixtures/forked.hpp"
#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <sched.h>
#include <sys/mount.h>

#include <fstream>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using namespace swarm;
using namespace swarm::runtime;
using test::ask;
using test::contains;
using test::node;
using test::read_all;

namespace {

/// In a copy of this process: mounts a RAM disk that the copy alone sees and that goes with it, as does the shared
/// memory of a server that crashes there.
bool mount_small_disk(const fs::path& where, const char* options) {
  return ::unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0
         && ::mount("tmpfs", where.c_str(), "tmpfs", 0, options) == 0;
}

/// Leaves so many bytes of the disk.
void fill(const fs::path& disk, std::uintmax_t left_bytes) {
  std::ofstream filler{disk / "filler"};
  const std::string block(4096, 'x');
  for (auto free = fs::space(disk).available; free > left_bytes && filler; free -= std::min<std::uintmax_t>(free, 4096))
    filler.write(block.data(), 4096);
}

void write_program(const fs::path& file, const std::string& script) {
  std::ofstream{file} << "#!/bin/sh\n" << script << "\n";
  fs::permissions(file, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
}

} // namespace

CAF_TEST(a node that is killed while it makes the database leaves nothing in the way) {
  auto root = test::scratch_directory();
  auto has_draft = [&] {
    std::error_code ignored;
    for (fs::directory_iterator i{root / "postgres", ignored}, end; i != end; i.increment(ignored))
      if (i->path().filename().string().starts_with("data.new-") && fs::exists(i->path() / "PG_VERSION", ignored))
        return true;
    return false;
  };
  {
    test::forked victim{[&] { return node{root}.failure(); }};
    CAF_REQUIRE(test::eventually(has_draft));
    victim.kill();
  }
  CAF_REQUIRE(has_draft());
  CAF_CHECK(!fs::exists(root / "postgres/data"));
  node second{root};
  CAF_CHECK_EQUAL(second.ask("SELECT 1"), "1");
  CAF_CHECK(!has_draft());
}

CAF_TEST(something else in the place of the database is refused) {
  auto root = test::scratch_directory();
  fs::create_directories(root / "postgres/data");
  std::ofstream{root / "postgres/data/letter"} << "dear diary";
  node first{root};
  CAF_CHECK_EQUAL(first.code(), errc::conflict);
  CAF_CHECK(contains(first.failure(), "isn't a PostgreSQL cluster; move it away"));
  CAF_CHECK_EQUAL(read_all(root / "postgres/data/letter"), "dear diary");
}

CAF_TEST(a full disk is named and harms nothing) {
  auto scratch = test::scratch_directory();
  test::forked guest{[&]() -> std::string {
    if (!mount_small_disk(scratch, "size=120m,mode=0700"))
      return "skipped: cannot mount a small disk here";
    auto tell_failure = [](const node& x) { test::forked::tell(to_string(x.code()) + ": " + x.failure()); };
    fill(scratch, 20u << 20);
    tell_failure(node{scratch / "home"});
    fs::remove(scratch / "filler");
    test::forked::tell(node{scratch / "home"}.ask("CREATE TABLE kept AS SELECT 42 AS x"));
    fill(scratch, 0);
    tell_failure(node{scratch / "home"});
    tell_failure(node{scratch / "other"});
    fs::remove(scratch / "filler");
    return node{scratch / "home"}.ask("SELECT x FROM kept");
  }};
  auto first = guest.hear();
  if (first.starts_with("skipped")) {
    CAF_MESSAGE(first);
    return;
  }
  auto postgres = (scratch / "home/postgres").string();
  CAF_CHECK(contains(first, "disk_full: cannot create a database in " + postgres + ": it takes 80 MB"));
  CAF_CHECK(contains(first, "MB free; make room and start again"));
  CAF_CHECK_EQUAL(guest.hear(), "done");
  auto third = guest.hear();
  CAF_CHECK(contains(third, "disk_full: cannot start the database in " + postgres));
  CAF_CHECK(contains(third, "(0 MB free); make room and start again"));
  CAF_CHECK(contains(guest.hear(), "disk_full: cannot use " + (scratch / "other").string()));
  CAF_CHECK_EQUAL(guest.answer(), "42");
}

CAF_TEST(a disk that fills up while the database is made leaves no half of it) {
  // The place of shared memory, of which the crash of initdb's server leaves some.
  const fs::path scratch = "/dev/shm";
  test::forked guest{[&]() -> std::string {
    if (!mount_small_disk(scratch, "size=200m,nr_inodes=300,mode=0700"))
      return "skipped: cannot mount a small disk here";
    node first{scratch / "home"};
    auto files = fs::directory_iterator{scratch / "home/postgres"};
    return to_string(first.code()) + ": " + first.failure()
           + (files == fs::directory_iterator{} ? ", clean" : ", left " + files->path().string());
  }};
  auto answer = guest.answer();
  if (answer.starts_with("skipped")) {
    CAF_MESSAGE(answer);
    return;
  }
  CAF_CHECK(contains(answer, "disk_full: cannot create a database in " + (scratch / "home/postgres").string()));
  CAF_CHECK(contains(answer, "make room and start again, clean"));
}

CAF_TEST(unsuitable programs are named with what to install) {
  auto scratch = test::scratch_directory();
  embedded_postgres_settings settings;
  settings.bin_dir = scratch / "none";
  {
    node without{scratch / "home", settings};
    CAF_CHECK_EQUAL(without.code(), errc::not_found);
    CAF_CHECK(contains(without.failure(), "PostgreSQL 15 or newer, and found none in " + settings.bin_dir.string()));
    CAF_CHECK(contains(without.failure(), "apt-get install postgresql-15"));
  }
  // Where the server's account can run them.
  fs::permissions(scratch, fs::perms::owner_all | fs::perms::others_exec);
  fs::permissions(scratch.parent_path(), fs::perms::owner_all | fs::perms::others_exec);
  settings.bin_dir = scratch / "old";
  fs::create_directory(settings.bin_dir);
  fs::permissions(settings.bin_dir, fs::perms::owner_all | fs::perms::others_exec);
  write_program(settings.bin_dir / "initdb", "exit 1");
  write_program(settings.bin_dir / "postgres", "echo 'postgres (PostgreSQL) 13.4 (Debian 13.4-1)'");
  {
    node old{scratch / "home", settings};
    CAF_CHECK_EQUAL(old.code(), errc::not_found);
    CAF_CHECK(contains(old.failure(), "but found PostgreSQL 13.4 in " + settings.bin_dir.string()));
  }
  write_program(settings.bin_dir / "postgres", "echo nonsense; exit 3");
  {
    node broken{scratch / "home", settings};
    CAF_CHECK(contains(broken.failure(), "--version tells no version"));
  }
  write_program(settings.bin_dir / "postgres", "echo 'postgres (PostgreSQL) 15.0'");
  write_program(settings.bin_dir / "initdb", "echo 'initdb: error: out of luck' >&2; exit 1");
  {
    node unlucky{scratch / "home", settings};
    CAF_CHECK_EQUAL(unlucky.code(), errc::io_failed);
    CAF_CHECK(contains(unlucky.failure(), "initdb: error: out of luck"));
  }
  node good{scratch / "home"};
  CAF_CHECK_EQUAL(good.ask("SELECT 1"), "1");
}

CAF_TEST(a database of another version is refused with both versions) {
  auto root = test::scratch_directory();
  { node first{root}; }
  std::ofstream{root / "postgres/data/PG_VERSION"} << "99\n";
  {
    node second{root};
    CAF_CHECK_EQUAL(second.code(), errc::not_found);
    CAF_CHECK(contains(second.failure(), "PostgreSQL 99, which made this database, but found PostgreSQL "));
  }
  std::ofstream{root / "postgres/data/PG_VERSION"} << "what\n";
  node third{root};
  CAF_CHECK_EQUAL(third.code(), errc::database_unsuitable);
}

CAF_TEST(a server that does not come up is quoted) {
  auto root = test::scratch_directory();
  { node first{root}; }
  std::ofstream{root / "postgres/data/postgresql.conf", std::ios::app} << "work_mem = 'plenty'\n";
  {
    node second{root};
    CAF_CHECK_EQUAL(second.code(), errc::io_failed);
    CAF_CHECK(contains(second.failure(), "invalid value for parameter \"work_mem\""));
  }
  embedded_postgres_settings settings;
  settings.tuning.shared_buffers_bytes = 1ull << 55;
  node third{test::scratch_directory(), settings};
  CAF_CHECK_EQUAL(third.code(), errc::io_failed);
  CAF_CHECK(contains(third.failure(), "shared_buffers"));
}

CAF_TEST(a start that is given up leaves no server) {
  auto root = test::scratch_directory();
  { node first{root}; }
  embedded_postgres_settings settings;
  settings.give_up = [] { return true; };
  node second{root, settings};
  CAF_CHECK_EQUAL(second.code(), errc::shutting_down);
  auto data = open_directory(root / "postgres/data");
  CAF_REQUIRE(data);
  CAF_CHECK_EQUAL(servers_of(data->get()).size(), 0u);
}

