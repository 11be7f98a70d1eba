#include "tools/swarm/invocation.hpp"
namespace swarm::cli {
void add_bench(CLI::App&, invocation&, action&) {}
}
