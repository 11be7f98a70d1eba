// What tests/mutants/check needs of the fixtures: the table, read and judged, and a scratch server that all its runs
// share. Writes the server's conninfo, then a line per mutant (name, suite, whether it may hang, test; tabs between),
// then an empty line. The server lives until stdin ends.

#include "tests/fixtures/mutants.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <cstdio>

using namespace swarm::test;

int main() {
  auto all = read_mutants();
  auto conninfo = scratch_server();
  if (conninfo.find("/proc/self/") != std::string::npos) {
    std::fprintf(stderr, "mutants: the scratch server's folder has too long a name for a socket; set TMPDIR\n");
    return 2;
  }
  std::printf("%s\n", conninfo.c_str());
  for (auto& x : all)
    std::printf("%s\t%s\t%s\t%s\n", x.name.c_str(), x.suite.c_str(), x.may_hang ? "hangs" : "ends", x.test.c_str());
  std::printf("\n");
  std::fflush(stdout);
  while (std::getchar() != EOF)
    ;
}
