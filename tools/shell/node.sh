# shellcheck shell=bash
# One node in the background, always stopped by its pid. Sourced, never run; wants `swarm` (the program) and SWARM_HOME.
: "${swarm:?}" "${SWARM_HOME:?}"

node=
node_log=$SWARM_HOME/node.log

# A command that the reader could type, followed by what it prints.
show() {
  say "\$ swarm $*"
  "$swarm" "$@"
}

# wait_until SECONDS COMMAND...: repeats the command until it succeeds; fails when the time is over.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

is_running() { kill -0 "$1" 2>/dev/null; }
is_gone() { ! is_running "$1"; }
node_answers_or_is_gone() { "$swarm" list >/dev/null 2>&1 || is_gone "$node"; }

start_node() {
  "$swarm" up >>"$node_log" 2>&1 &
  node=$!
  if ! wait_until 60 node_answers_or_is_gone || is_gone "$node"; then
    is_running "$node" || node=
    tail -n 5 "$node_log" >&2
    fail "the node didn't start; the end of its log, $node_log, is above."
  fi
}

stop_node() {
  [[ -n $node ]] || return 0
  local pid=$node
  node=
  kill -TERM "$pid" 2>/dev/null || true
  if ! wait_until 60 is_gone "$pid"; then
    warn "the node didn't stop within 60 s and is killed."
    kill -KILL "$pid" 2>/dev/null || true
  fi
  wait "$pid" || warn "the node ended with code $?; its log is $node_log."
}

# A node that was killed can't stop its PostgreSQL any more. This stops a server whose data lies below SWARM_HOME.
stop_database() {
  local file pid
  while IFS= read -r file; do
    pid=$(head -n 1 "$file")
    [[ $(readlink "/proc/$pid/cwd" 2>/dev/null) == "$(realpath "$SWARM_HOME")"/* ]] || continue
    kill -INT "$pid"
    wait_until 30 is_gone "$pid" || warn "PostgreSQL (pid $pid) didn't stop within 30 s."
  done < <(find "$SWARM_HOME" -maxdepth 4 -name postmaster.pid 2>/dev/null)
}

# field NAME: that member of each JSON object of the input, one object a line.
field() { sed -nE "s/.*\"$1\": *\"?([^\",}]*).*/\1/p"; }
# having NAME VALUE: the objects whose member has this value.
having() { grep -E "\"$1\": *\"?$2[\",}]" || true; }
