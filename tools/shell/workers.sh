# shellcheck shell=bash
# Kills two programs of the node while the graph of the tour runs. Sourced by tools/demo.
: "${swarm:?}" "${demo:?}" "${node?}" "${node_log:?}"

# The programs that the node runs now: children of any of its threads that have a ticket.
programs() {
  local child
  for child in $(cat "/proc/$node/task/"*/children 2>/dev/null); do
    tr '\0' '\n' <"/proc/$child/environ" 2>/dev/null | grep -q '^SWARM_TICKET=' && say "$child"
  done || true
}
ticket_of() { tr '\0' '\n' <"/proc/$1/environ" 2>/dev/null | sed -n 's/^SWARM_TICKET=//p'; }
a_program_runs() { [[ -n $(programs) ]]; }

kill_one() {
  local pid ticket
  for pid in $(programs); do
    ticket=$(ticket_of "$pid") || true
    [[ -n $ticket && " ${victims[*]-} " != *" $ticket "* ]] || continue
    kill -KILL "$pid" 2>/dev/null || continue
    victims+=("$ticket")
    say "\$ kill -9 $pid   # the program of ticket $ticket"
    return
  done
  return 1
}
another_one_is_killed() { kill_one || is_gone "$runner"; }
crashes_of() { "$swarm" events "$1" --json | grep -c '"class":"crash"' || true; }

workers() {
  local ticket status=0
  victims=()
  title "A graph, and two of its programs killed"
  "$swarm" run "$demo/hello.yaml" >"$demo/run.log" 2>&1 &
  runner=$!
  wait_until 60 another_one_is_killed || fail "no program ran within 60 s; see $demo/run.log and $node_log."
  wait_until 60 another_one_is_killed || fail "no second program ran within 60 s; see $demo/run.log and $node_log."
  wait_until 180 is_gone "$runner" || fail "the graph didn't end within 180 s; see $demo/run.log and $node_log."
  wait "$runner" || status=$?
  runner=
  cat "$demo/run.log"
  ((status == 0)) || fail "the graph ended with code $status; everything is kept in $SWARM_HOME."
  ((${#victims[@]} == 2)) || fail "the graph was over before two of its programs could be killed."
  title "What the killed ones went through"
  for ticket in "${victims[@]}"; do
    show events "$ticket"
    [[ $(crashes_of "$ticket") -ge 1 ]] || fail "ticket $ticket has no attempt that ended by a signal."
  done
  say
  say "Each lost one attempt to the signal, ran again, and was completed once."
}
