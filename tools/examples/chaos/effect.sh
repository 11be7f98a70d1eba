#!/bin/sh
# effect.sh KEY SECONDS: leaves the line "key attempt fence pid" in the effects file, then works for a while.
# The line comes first, so that an execution which is killed in the middle can be seen.
set -eu
effects=${CHAOS_EFFECTS:-../build/chaos/effects}
mkdir -p "$(dirname "$effects")"
# One short write to a file opened for appending: lines of parallel executions don't mix.
echo "$1 ${SWARM_ATTEMPT:--} ${SWARM_FENCE:--} $$" >>"$effects"
sleep "$2"
