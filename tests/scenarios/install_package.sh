#!/usr/bin/env bash
# Installs a build into a scratch prefix, builds tools/examples/embed against it with find_package(swarm), and runs it
# on the database of a node that was installed too.
#   install_package.sh BUILD_FOLDER
set -euo pipefail
source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$1

prefix=$(mktemp -d)
chmod 711 "$prefix"
node=
cleanup() {
  if [[ -n $node ]]; then
    kill -TERM "$node" 2>/dev/null || true
    wait "$node" 2>/dev/null || true
  fi
  rm -rf "$prefix"
}
trap cleanup EXIT

cmake --install "$build" --prefix "$prefix" >/dev/null
cmake -G Ninja -S "$source_root/tools/examples/embed" -B "$prefix/build" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_COMPILER=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")"
cmake --build "$prefix/build"

export SWARM_HOME=$prefix/home
"$prefix/bin/swarm" up >"$prefix/log" 2>&1 &
node=$!
deadline=$((SECONDS + 60))
until "$prefix/bin/swarm" list >/dev/null 2>&1; do
  if ((SECONDS > deadline)) || ! kill -0 "$node"; then
    cat "$prefix/log"
    exit 1
  fi
done

said=$("$prefix/build/embed" "host=$SWARM_HOME/postgres user=swarm dbname=swarm")
printf '%s\n' "$said"
[[ $said == *'both tickets are completed: {"result": {"to": {"name": "world"}, "greeting": "hello"}}'* ]]
