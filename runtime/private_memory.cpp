#include "runtime/private_memory.hpp"

#include <sys/prctl.h>

namespace swarm::runtime {

void keep_memory_private() {
  prctl(PR_SET_DUMPABLE, 0);
}

} // namespace swarm::runtime
