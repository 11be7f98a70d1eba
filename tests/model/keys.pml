/* Unique keys: one key, a ticket that holds it, and two calls of enqueue that want it, while the holder is claimed,
 * settled, cancelled, retried and pruned.
 *
 * A step is a statement under READ COMMITTED, as in dependents.pml: it sees what was committed when it began, and what
 * a transaction writes is kept by its process until it commits, in one step.
 *
 * Lock order: the key (an advisory lock), the ticket's row in `tickets`, its row in `ready`. A claim locks the row in
 * `ready` alone, and a hand-back no ticket.
 *
 * Switches for what takes part have a default below; all others make the protocol wrong, and variants.txt says how.
 */
#ifndef RETRIES_MAX             /* bounds the search */
#define RETRIES_MAX 0
#endif

#define TICKETS 3
#define NONE TICKETS

/* What must be true, by a name that a counterexample ends with and variants.txt refers to. */
#define MUST(condition, name) \
  if :: (condition) :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) fi

mtype = { nowhere, ready, in_progress, completed, failed, cancelled, gone,
          returns, replaces, rejects };         /* what enqueue does about a key that is held: on_conflict */

/* Committed rows and their locks. */
mtype state[TICKETS];
byte payload[TICKETS];                  /* tickets: whose call it was that said what shall be done */
bool ticket_held[TICKETS];              /* the lock of the row in `tickets` */
bool ready_held[TICKETS];               /* and of the one in `ready` */
byte key_row = NONE;                    /* unique_keys */
bool key_held;                          /* pg_advisory_xact_lock */

byte tickets, retries;                  /* so many there are; so many were retried */

#define OPEN(t) (state[t] == ready || state[t] == in_progress)
#define FINAL(t) (state[t] == completed || state[t] == failed || state[t] == cancelled)
#define ONE_PER_KEY MUST(OPEN(0) + OPEN(1) + OPEN(2) <= 1, "one open ticket per key")

#ifdef ONLY_WAITING_HOLD
#define HOLDS(t) (state[t] == ready)
#else
#define HOLDS(t) OPEN(t)
#endif

inline look_for_holder() {
  holder = NONE;
  if
  :: key_row != NONE && HOLDS(key_row) -> holder = key_row
  :: else
  fi
}

/* ---- enqueue.sql: enqueue_object and resolve_conflict ---- */
proctype enqueue(byte me; bool of_a_graph) {
  byte holder = NONE;
  mtype policy;
#ifdef SUBMIT_WITHOUT_KEY
  if
  :: of_a_graph -> goto insert
  :: else
  fi;
#endif
#ifdef LOOK_BEFORE_LOCK
  atomic { look_for_holder() };
#endif
#ifndef NO_KEY_LOCK
  atomic { !key_held -> key_held = true };
#endif
#ifndef LOOK_BEFORE_LOCK
  atomic { look_for_holder(); printf("call %d finds that ticket %d holds the key (%d: none)\n", me, holder, NONE) };
#endif
  if
  :: holder == NONE -> goto insert
  :: else
  fi;
  if
  :: policy = returns
  :: policy = rejects
  :: policy = replaces
  fi;
  if
  :: policy != replaces -> goto done
  :: else
  fi;

  /* The holder may have ended since, and then this call is the first one again. */
  atomic { !ticket_held[holder] -> ticket_held[holder] = true };
#ifndef REPLACE_OF_FINAL
  if
  :: atomic { !OPEN(holder) -> ticket_held[holder] = false; printf("call %d: the holder has ended\n", me) };
     goto insert
  :: atomic { OPEN(holder) }
  fi;
#endif
  /* A claim that is under way has read what to do. Waiting for it is the only way to know. */
#ifdef REPLACE_LOOKS_FOR_LEASE
  if
  :: atomic { state[holder] == in_progress -> ticket_held[holder] = false }; goto done
  :: atomic { state[holder] != in_progress }
  fi;
#else
  if
  :: atomic { !ready_held[holder] && state[holder] != in_progress -> ready_held[holder] = true }
  :: atomic { !ready_held[holder] && state[holder] == in_progress -> ticket_held[holder] = false }; goto done
  fi;
#endif
  atomic {
    MUST(OPEN(holder), "what is replaced is yet to run");
    payload[holder] = me;
    printf("call %d replaces what ticket %d shall do\n", me, holder);
#ifndef REPLACE_LOOKS_FOR_LEASE
    ready_held[holder] = false;
#endif
    ticket_held[holder] = false
  };
  goto done;

insert:
  if
  :: atomic {
       state[tickets] = ready;
       payload[tickets] = me;
#ifdef SUBMIT_WITHOUT_KEY
       if
       :: !of_a_graph -> key_row = tickets
       :: else
       fi;
#else
       key_row = tickets;
#endif
       printf("call %d makes ticket %d\n", me, tickets);
       tickets++;
       ONE_PER_KEY
     }
  :: atomic { printf("call %d is rolled back\n", me) }
  fi;
done:
  atomic { holder = NONE; policy = 0; key_held = false }
}

/* ---- claim.sql and settle.sql, a process per ticket ---- */
proctype life(byte t) {
  byte runs;
end_idle:
  do
  :: atomic { state[t] == ready && !ready_held[t] -> ready_held[t] = true };
     atomic { runs = payload[t] };
     if
     :: atomic {
          printf("ticket %d is claimed and does what call %d said\n", t, runs);
          MUST(runs == payload[t], "what runs is what was promised last");
          state[t] = in_progress;
          ready_held[t] = false;
          runs = 0
        }
     :: atomic { ready_held[t] = false; runs = 0 }              /* rolled back */
     fi
  :: atomic { state[t] == in_progress && !ticket_held[t] -> ticket_held[t] = true };
     if
     :: atomic { state[t] = completed; ticket_held[t] = false; printf("ticket %d is completed\n", t) }
     :: atomic { state[t] = failed; ticket_held[t] = false; printf("ticket %d has failed\n", t) }
     fi
  :: atomic { state[t] == in_progress -> state[t] = ready; printf("ticket %d is handed back\n", t) }
  od
}

/* ---- end_waiting.sql and retry.sql ---- */
proctype operator(byte t) {
  byte holder = NONE;
end_idle:
  do
  :: atomic { state[t] == ready && !ticket_held[t] -> ticket_held[t] = true };
     atomic {
       !ready_held[t] ->
       if
       :: state[t] == ready -> state[t] = cancelled; printf("ticket %d is cancelled\n", t)
       :: else
       fi;
       ticket_held[t] = false
     }
#if RETRIES_MAX > 0
  :: atomic { (state[t] == failed || state[t] == cancelled) && retries < RETRIES_MAX -> retries++ };
#ifndef RETRY_IGNORES_KEY
     atomic { !key_held -> key_held = true };
#endif
     atomic { !ticket_held[t] -> ticket_held[t] = true };
#ifndef RETRY_IGNORES_KEY
     atomic { look_for_holder() };
#endif
     atomic {
       if
       :: holder == NONE && FINAL(t) && state[t] != completed ->
          state[t] = ready;
#if !defined(RETRY_IGNORES_KEY) && !defined(RETRY_WITHOUT_ROW)
          key_row = t;
#endif
          printf("ticket %d is retried\n", t);
          ONE_PER_KEY
       :: else -> printf("ticket %d isn't retried: ticket %d holds its key\n", t, holder)
       fi;
       holder = NONE;
       ticket_held[t] = false;
#ifndef RETRY_IGNORES_KEY
       key_held = false
#endif
     }
#endif
  od
}

/* ---- prune.sql: a final ticket goes, and its key with it, unless another ticket has taken that over meanwhile ---- */
proctype prune() {
  byte seen;
end_idle:
  do
  :: atomic { key_row != NONE && FINAL(key_row) -> seen = key_row };
     if
     :: atomic { FINAL(seen) && !ticket_held[seen] -> ticket_held[seen] = true }
     :: atomic { !FINAL(seen) || ticket_held[seen] }; goto end_idle
     fi;
     atomic {
       state[seen] = gone;
       ticket_held[seen] = false;
       printf("ticket %d is pruned\n", seen);
#ifndef PRUNE_BY_KEY
       if
       :: key_row == seen -> key_row = NONE
       :: else
       fi;
#else
       key_row = NONE;
#endif
       seen = 0
     }
  od
}

/* Nothing can move any more. */
proctype the_end() {
  byte t;
  timeout ->
  MUST(!key_held, "nobody waits for a lock for ever");
  for (t : 0 .. tickets - 1) {
    MUST(!ticket_held[t] && !ready_held[t], "nobody waits for a lock for ever");
    MUST(FINAL(t) || state[t] == gone, "no ticket is stranded")
  }
}

init {
  byte t;
  atomic {
    for (t : 0 .. TICKETS - 1) { state[t] = nowhere };
    state[0] = ready;
    key_row = 0;
    tickets = 1;
    run enqueue(1, false);
    run enqueue(2, true);
    for (t : 0 .. TICKETS - 1) {
      run life(t);
      run operator(t)
    };
    run prune();
    run the_end()
  }
}
