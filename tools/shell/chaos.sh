# shellcheck shell=bash
# Kills a node in the middle of its work and proves that nothing was lost or done twice. Sourced by tools/demo.
: "${swarm:?}" "${SWARM_HOME:?}" "${demo:?}" "${node?}" "${node_log:?}"

effects=$demo/build/chaos/effects
summary=$demo/run.json
wrong=0

# The tickets of this run: `before` is the highest number that the home held already.
tickets() {
  local ticket
  "$swarm" list --json 2>/dev/null | while IFS= read -r ticket; do
    (($(field id <<<"$ticket") <= before)) || say "$ticket"
  done
}
count_in() { tickets | having state "$1" | wc -l; }
is_in_the_middle() { (($(count_in completed) >= 2 && $(count_in in_progress) >= 2)); }

# check SENTENCE COMMAND...: one line of the proof.
check() {
  local sentence=$1
  shift
  if "$@"; then
    say "  yes  $sentence"
  else
    say "  NO   $sentence"
    wrong=1
  fi
}

# Every ticket completed once; every line of the effects file belongs to an execution that the events know, and the
# one that won has left exactly one line.
count_executions() {
  local ticket id key events line winner fences
  once=0 twice=0 strange=0 again=()
  while IFS= read -r ticket; do
    id=$(field id <<<"$ticket") key=$(field key <<<"$ticket")
    events=$("$swarm" events "$id" --json)
    winner=$(having kind completed <<<"$events" | field fence)
    [[ $winner =~ ^[0-9]+$ ]] && once=$((once + 1))
    fences=()
    while read -r _ _ line _; do
      fences+=("$line")
      having fence "$line" <<<"$events" | grep -q . || strange=$((strange + 1))
    done < <(grep "^$key " "$effects")
    [[ $(printf '%s\n' "${fences[@]}" | grep -cxF "$winner") == 1 ]] || strange=$((strange + 1))
    if ((${#fences[@]} > 1)); then
      twice=$((twice + 1))
      again+=("$key (ticket $id) began with the fences ${fences[*]}; $winner won")
    fi
  done < <(tickets)
}

prove() {
  local expected line
  expected=$(grep -c 'effect\.sh,' "$demo/slow.yaml")
  check "swarm run outlived the node and reports $expected completed tickets" \
    test "$run_status $(field completed <"$summary" | tail -n 1)" = "0 $expected"
  count_executions
  check "$once of $expected tickets have exactly one event 'completed'" test "$once" = "$expected"
  check "the kill hit tickets in progress: $twice began a second time" test "$twice" -ge 1
  check "each of the $(wc -l <"$effects") lines of the effects file has a fence that the events know, the winner among them" \
    test "$strange" = 0
  say
  say "Tickets that were cut off by the kill and began a second time: $twice"
  for line in "${again[@]}"; do say "  $line"; done
  say "A fence is the token of one claim. A late word from the killed execution would carry the old one and be refused."
}

chaos() {
  local killed running
  title "A node and twelve tickets"
  before=$("$swarm" list --json | field id | sort -n | tail -n 1)
  before=${before:-0}
  say "The node has the pid $node. Its work:"
  say "\$ swarm run $demo/slow.yaml &"
  "$swarm" run "$demo/slow.yaml" --json >"$summary" 2>"$demo/run.log" &
  runner=$!
  wait_until 60 is_in_the_middle || fail "the tickets of $demo/slow.yaml didn't get going; see $demo/run.log and $node_log."

  title "kill -9"
  running=$(tickets | having state in_progress | field key | paste -sd' ')
  killed=$node
  kill -KILL "$killed"
  node=
  wait "$killed" 2>/dev/null || true
  say "\$ kill -9 $killed"
  say "A moment before, these were in progress: $running"

  title "Started again"
  start_node
  say "The node has the pid $node now. It holds the lock of this home, so its predecessor is dead and it takes the lost"
  say "tickets back at once; any other node would wait until their heartbeat is stale (5 minutes by default)."
  wait_until 180 is_gone "$runner" || fail "the graph didn't end within 180 s; see $demo/run.log and $node_log."
  run_status=0
  wait "$runner" || run_status=$?
  runner=
  show list

  title "Was anything lost or done twice?"
  prove
  ((wrong == 0)) || fail "the proof failed; everything is kept in $SWARM_HOME."
}
