#pragma once

namespace swarm::runtime {

/// Closes the memory and the environment of this process to other programs of its user, which programs of tickets are:
/// without it any of them finds all secrets in /proc/<node>/environ. Root sees everything all the same, and a debugger
/// needs to be root's; no core dump is written. What this process starts is an ordinary program again.
///
/// Before there is a secret, so first of all.
void keep_memory_private();

} // namespace swarm::runtime
