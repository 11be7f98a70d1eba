/* The life of a ticket as the database sees it: claim, beat, settle, reclaim, cancel, retry, under workers that crash,
 * stall for any time, stop by their own clock, and connections that are cut while a COMMIT is under way.
 *
 * An atomic block is a transaction, and what a worker does between two of them is what it knows. Time is not modelled:
 * a lease may go stale at any moment, whatever its worker does, so every pause, clock and starved heartbeat is covered.
 * `scheduled` is left out: promoting has no condition but time, so what waits there might as well be in `ready`.
 *
 * Two traps of the language: an option that begins with an `if` lends its `else` to the options around it (hence
 * `true ->`), and a jump from one atomic block into another makes them one (hence each `goto` stands behind its block).
 *
 * Switches for the size and for what takes part have a default below; all others make the protocol wrong, and
 * variants.txt says how.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef ATTEMPTS_MAX
#define ATTEMPTS_MAX 2
#endif
#ifndef RECLAIMS_MAX            /* losing that many workers makes a ticket poison */
#define RECLAIMS_MAX 2
#endif
#ifndef RELEASES_MAX            /* bounds the search; the protocol has no bound */
#define RELEASES_MAX 0
#endif
#ifndef RETRIES_MAX             /* the same */
#define RETRIES_MAX 0
#endif
#ifdef DIAMOND                  /* tickets 0 and 1 are the parents of 2 */
#define TICKETS 3
#else
#define TICKETS 1
#endif

#define OPEN(t) (state[t] == blocked || state[t] == ready || state[t] == in_progress)

/* What must be true, by a name that a counterexample ends with and variants.txt refers to. */
#define MUST(condition, name) \
  if :: (condition) :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) fi

mtype = { blocked, ready, in_progress,          /* the table that holds the ticket; in_progress: leases */
          completed, failed, cancelled,         /* tickets.final_state */
          content, released,                    /* further outcomes */
          ok, again, lost };                    /* what settle answers */

/* The database. A ticket's row in `leases` is what counts while its state is in_progress. Fences are numbered per
 * ticket, while the real ones come from one sequence: they are only ever compared together with the ticket. */
mtype state[TICKETS];
byte remaining;                         /* blocked: of ticket 2 */
byte attempts[TICKETS], reclaims[TICKETS];
byte fence[TICKETS];                    /* leases, and the sequence: the newest that was given out */
byte node[TICKETS];                     /* leases; only a wrong guard looks at it */
bool stale[TICKETS];                    /* leases: last_heartbeat is too old */
bool cancel_requested[TICKETS];         /* leases */
int events[TICKETS];                    /* a bit per fence that an event of its holder carries */
byte timeline;

/* Nothing of the following is stored anywhere: it is the truth that assertions compare with. Claims are numbered per
 * ticket, and no fail-over takes a number back. */
byte claims[TICKETS];                   /* given out so far */
byte holder[TICKETS];                   /* the claim that the lease belongs to */
int spoken[TICKETS];                    /* a bit per claim whose settlement counted */
byte completions[TICKETS];
byte used[TICKETS], losses[TICKETS];    /* attempts that failed and workers that were lost since submit or retry */
bool must_not_run[TICKETS];             /* an operator was told that it will be cancelled */
bool told[TICKETS];                     /* a worker was told that the ticket is completed */

byte highest_seen[TICKETS];             /* outside: the highest fence that the resource of an effect has seen */
byte releases, retries;

/* After a fail-over everything that was counted may be counted once more. */
#ifdef FAILOVER
#define LIVES 2
#else
#define LIVES 1
#endif
#define CLAIMS_MAX (LIVES * ((ATTEMPTS_MAX + RECLAIMS_MAX - 1) * (1 + RETRIES_MAX) + RELEASES_MAX))

/* ---- guards ---- */
#if defined(GUARD_NOTHING)
#define MINE true
#elif defined(GUARD_STATE)
#define MINE (state[t] == in_progress)
#elif defined(GUARD_NODE)
#define MINE (state[t] == in_progress && node[t] == 1)
#else
#define MINE (state[t] == in_progress && fence[t] == token)
#endif
#ifdef BEAT_WITHOUT_FENCE
#define MINE_TO_BEAT (state[t] == in_progress)
#else
#define MINE_TO_BEAT MINE
#endif

/* Whoever speaks for a ticket holds its newest claim. Without this one only a double completion is looked for. */
#ifdef ONLY_COMPLETIONS
#define SPEAKS_FOR_ITSELF skip
#else
#define SPEAKS_FOR_ITSELF MUST(claim_no == holder[t], "only the newest claim speaks")
#endif

/* ---- next_fence.sql ---- */
inline next_fence() {
#if defined(FENCE_IS_ATTEMPT)
  fence[t] = attempts[t] + 1;
#elif defined(FENCE_WITHOUT_TIMELINE)
  fence[t]++;
#else
  fence[t] = (fence[t] < timeline * 8 -> timeline * 8 : fence[t]) + 1;
#endif
}

/* ---- claim.sql ---- */
inline claim() {
  MUST(state[t] == ready, "only what is ready is claimed");
  MUST(!must_not_run[t], "what is to be cancelled never runs again");
#ifdef DIAMOND
  MUST(t < 2 || (state[0] == completed && state[1] == completed), "no child runs before its parents are completed");
#endif
  claims[t]++;
  MUST(claims[t] <= CLAIMS_MAX, "no ticket runs for ever");
  state[t] = in_progress;
  stale[t] = false;
  node[t] = 1;
  next_fence();
#ifdef CLAIM_COUNTS_AS_SETTLED
  events[t] = events[t] | (1 << fence[t]);
#endif
  token = fence[t];
  claim_no = claims[t];
  holder[t] = claim_no;
  printf("worker %d claims ticket %d with fence %d\n", me, t, token)
}

/* The row in `leases` is deleted. */
inline free_lease(t) {
  stale[t] = false;
  cancel_requested[t] = false;
  node[t] = 0;
  holder[t] = 0
}

/* What would run the ticket again, unless an operator wants it cancelled. */
inline run_again(t, forgets) {
  if
  :: cancel_requested[t] && !forgets -> state[t] = cancelled; must_not_run[t] = false
  :: else -> state[t] = ready
  fi
}

/* ---- unblock.sql ---- */
inline unblock(t) {
#ifdef DIAMOND
  if
  :: t < 2 ->
     MUST(remaining > 0, "each parent is counted once");
     remaining--;
     if
     :: remaining == 0 && state[2] == blocked -> state[2] = ready; printf("ticket 2 is ready\n")
     :: else
     fi
  :: else
  fi
#else
  skip
#endif
}

/* ---- settle.sql ---- */
#ifdef SETTLE_FORGETS_CANCEL
#define SETTLE_FORGETS true
#else
#define SETTLE_FORGETS false
#endif
inline settle() {
  if
  :: MINE ->
     printf("worker %d with fence %d settles ticket %d as %e; the newest fence is %d\n",
            me, token, t, outcome, fence[t]);
     SPEAKS_FOR_ITSELF;
     events[t] = events[t] | (1 << token);
     spoken[t] = spoken[t] | (1 << claim_no);
     answer = ok;
     if
     :: outcome == completed ->
        completions[t]++;
        MUST(completions[t] <= 1, "a ticket is completed once");
        state[t] = completed;
        must_not_run[t] = false;
#ifndef UNBLOCK_LATER
        unblock(t)
#endif
     :: outcome == content ->
        attempts[t]++;
        used[t]++;
        if
        :: attempts[t] >= ATTEMPTS_MAX ->
           MUST(used[t] >= ATTEMPTS_MAX, "all attempts are used before a ticket fails");
           state[t] = failed;
           must_not_run[t] = false
        :: else -> run_again(t, SETTLE_FORGETS)
        fi
     :: outcome == released ->
#ifdef RELEASE_USES_ATTEMPT
        attempts[t]++;
#endif
        run_again(t, SETTLE_FORGETS)
     :: outcome == cancelled -> state[t] = cancelled; must_not_run[t] = false
     fi;
     free_lease(t)
  :: else ->
#ifdef NO_AGAIN
     answer = lost;
#else
     answer = ((events[t] >> token) & 1 -> again : lost);
#endif
     printf("worker %d with fence %d settles ticket %d as %e: %e\n", me, token, t, outcome, answer);
#ifdef UNBLOCK_ON_AGAIN
     if
     :: answer == again && outcome == completed -> unblock(t)
     :: else
     fi
#endif
  fi;
  /* `ok` and `again` are for the claim whose settlement counted, and `lost` for all others. */
  MUST((answer != lost) == ((spoken[t] >> claim_no) & 1), "the answer is true")
}

proctype worker(byte me) {
  byte t, token, claim_no;
  mtype outcome, answer;
idle:
  atomic { t = 0; token = 0; claim_no = 0; outcome = 0; answer = 0 };
end_idle:
#ifdef CLAIM_IN_TWO_STEPS
  atomic { state[0] == ready };
  atomic { claim() };
#else
  if
  :: atomic { state[0] == ready -> t = 0; claim() }
#ifdef DIAMOND
  :: atomic { state[1] == ready -> t = 1; claim() }
  :: atomic { state[2] == ready -> t = 2; claim() }
#endif
  fi;
#endif

work:
  if
  :: atomic {                   /* heartbeat.sql: a lost lease stops the work, a wish to cancel ends it */
       true ->
       if
       :: MINE_TO_BEAT ->
          printf("worker %d beats for ticket %d with fence %d\n", me, t, token);
          SPEAKS_FOR_ITSELF;
          stale[t] = false;
          outcome = (cancel_requested[t] -> cancelled : 0)
       :: else -> outcome = lost
       fi
     };
     if
     :: outcome == 0 -> goto work
     :: outcome == lost -> goto idle
     :: outcome == cancelled
     fi
#ifdef EFFECTS
  :: atomic {                   /* an effect outside, whose resource compares fences */
       true ->
       if
       :: token >= highest_seen[t] -> highest_seen[t] = token
       :: else ->
#ifdef RESOURCE_WITHOUT_FENCE
          printf("worker %d with fence %d writes outside, after fence %d\n", me, token, highest_seen[t]);
          MUST(false, "an old effect never follows a newer one")
#else
          skip
#endif
       fi
     };
     goto work
#endif
  :: atomic { outcome = completed }
  :: atomic { outcome = content }
  :: atomic { releases < RELEASES_MAX -> releases++; outcome = released }       /* a drain */
  :: atomic {                   /* a crash, or no beat came through and the worker stops by its own clock */
       printf("worker %d leaves ticket %d and writes nothing\n", me, t);
#ifdef STOPPING_WRITES
       if
       :: state[t] == in_progress -> state[t] = ready; free_lease(t)
       :: else
       fi
#endif
     };
     goto idle
  fi;

settling:
  if
  :: atomic { true -> settle() }        /* cut before COMMIT is seen: the same as not having tried yet */
  :: atomic { printf("worker %d leaves ticket %d and writes nothing\n", me, t) }; goto idle
  fi;
#ifdef UNBLOCK_LATER
  if
  :: atomic { answer == ok && outcome == completed -> unblock(t) }
  :: atomic { answer != ok || outcome != completed }
  :: atomic { printf("worker %d crashes before the second transaction\n", me) }; goto idle
  fi;
#endif

  if
  :: atomic {                   /* the answer arrives */
       true ->
       if
       :: outcome == completed && answer != lost -> told[t] = true
       :: else
       fi
     };
     goto idle
  :: atomic {                   /* cut before the answer */
       printf("worker %d never hears the answer\n", me);
       answer = 0;
#ifdef UNKNOWN_REQUEUES
       state[t] = ready;
       free_lease(t)
     };
     goto idle
#else
       skip
     };
     goto settling              /* the same call with the same fence */
#endif
  fi
}

/* ---- time, a process per ticket ---- */
proctype silence(byte t) {
end_waiting:
  do
  :: atomic { state[t] == in_progress && !stale[t] -> stale[t] = true; printf("the lease of ticket %d is stale\n", t) }
  od
}

/* ---- reclaim.sql ---- */
#ifdef RECLAIM_FORGETS_CANCEL
#define RECLAIM_FORGETS true
#else
#define RECLAIM_FORGETS false
#endif
inline reclaim(t) {
  printf("ticket %d with fence %d is reclaimed\n", t, fence[t]);
  MUST(stale[t], "only a stale lease is reclaimed");
  reclaims[t]++;
  losses[t]++;
#ifdef RECLAIM_USES_ATTEMPT
  attempts[t]++;
#endif
#ifdef RECLAIM_SIGNS_WITH_FENCE
  events[t] = events[t] | (1 << fence[t]);
#endif
  if
#ifndef RECLAIM_WITHOUT_END
  :: reclaims[t] >= RECLAIMS_MAX && !cancel_requested[t] ->
     MUST(losses[t] >= RECLAIMS_MAX, "only what lost all its workers is poison");
     state[t] = failed
#endif
  :: else -> run_again(t, RECLAIM_FORGETS)
  fi;
  free_lease(t)
}

/* A reaper keeps nothing from one reclaim to the next, so one per ticket stands for any number of them. */
proctype reaper(byte t) {
end_waiting:
  do
#if defined(RECLAIM_IN_TWO_STEPS)
  :: atomic { state[t] == in_progress && stale[t] };
     atomic { stale[t] = true; reclaim(t) }
#elif defined(RECLAIM_RECHECKS_STATE)
  :: atomic { state[t] == in_progress && stale[t] };
     atomic {
       if
       :: state[t] == in_progress -> reclaim(t)
       :: else
       fi
     }
#else
  :: atomic { state[t] == in_progress && stale[t] -> reclaim(t) }
#endif
  od
}

/* ---- cancel.sql and retry.sql ---- */
#ifdef OPERATOR
proctype operator(byte t) {
end_waiting:
  do
  :: atomic {
       state[t] == in_progress && !cancel_requested[t] ->
       cancel_requested[t] = true;
       must_not_run[t] = true;
       printf("ticket %d is to be cancelled\n", t)
     }
#ifdef CANCEL_IN_TWO_STEPS
  :: atomic { state[t] == ready };
     atomic { state[t] = cancelled; printf("ticket %d is cancelled\n", t) }
#else
  :: atomic { state[t] == ready -> state[t] = cancelled; printf("ticket %d is cancelled\n", t) }
#endif
  :: atomic {
#ifdef RETRY_REVIVES_COMPLETED
       !OPEN(t) && retries < RETRIES_MAX ->
#else
       (state[t] == failed || state[t] == cancelled) && retries < RETRIES_MAX ->
#endif
       retries++;
       printf("ticket %d is retried\n", t);
       used[t] = 0;
       losses[t] = 0;
#ifndef RETRY_KEEPS_COUNTERS
       attempts[t] = 0;
       reclaims[t] = 0;
#endif
#ifdef RETRY_RESETS_FENCE
       fence[t] = 0;
#endif
       state[t] = ready
     }
  od
}
#endif

/* ---- a replica is promoted that has an older state ---- */
#ifdef FAILOVER
bool promoted;
mtype old_state;
byte old_attempts, old_reclaims, old_fence, old_node, old_holder, old_completions, old_used, old_losses;
int old_events, old_spoken;
bool old_stale;
proctype failover() {
  atomic {
    old_state = state[0]; old_attempts = attempts[0]; old_reclaims = reclaims[0]; old_fence = fence[0];
    old_node = node[0]; old_stale = stale[0]; old_events = events[0]; old_holder = holder[0];
    old_spoken = spoken[0]; old_completions = completions[0]; old_used = used[0]; old_losses = losses[0]
  };
  atomic {
    printf("fail-over: the newest commits are lost\n");
#ifdef PROMISE_AFTER_FAILOVER
    MUST(!told[0] || old_state == completed, "an acknowledged completion survives");
#endif
    state[0] = old_state; attempts[0] = old_attempts; reclaims[0] = old_reclaims; fence[0] = old_fence;
    node[0] = old_node; stale[0] = old_stale; events[0] = old_events; holder[0] = old_holder;
    spoken[0] = old_spoken; completions[0] = old_completions; used[0] = old_used; losses[0] = old_losses;
    timeline = 1; told[0] = false; promoted = true;
    old_state = 0; old_attempts = 0; old_reclaims = 0; old_fence = 0; old_node = 0; old_stale = false;
    old_events = 0; old_holder = 0; old_spoken = 0; old_completions = 0; old_used = 0; old_losses = 0
  }
}
#endif

/* Nothing can move any more: then nothing was lost. */
proctype the_end() {
  byte t;
  timeout ->
  for (t : 0 .. TICKETS - 1) {
    MUST(completions[t] == (state[t] == completed), "completed is for ever")
  };
#ifdef DIAMOND
  MUST(remaining == (state[0] != completed) + (state[1] != completed), "each parent is counted once");
  MUST(!OPEN(2) || remaining > 0, "no ticket is stranded");     /* a failed parent leaves its child to the operator */
  MUST(!OPEN(0) && !OPEN(1), "no ticket is stranded")
#else
  MUST(!OPEN(0), "no ticket is stranded")
#endif
}

init {
  byte i;
  atomic {
    state[0] = ready;
#ifdef DIAMOND
    state[1] = ready;
    state[2] = blocked;
    remaining = 2;
#endif
    for (i : 1 .. WORKERS) { run worker(i) }
    for (i : 0 .. TICKETS - 1) {
      run silence(i);
      run reaper(i);
#ifdef OPERATOR
      run operator(i);
#endif
    }
#ifdef FAILOVER
    run failover();
#endif
    run the_end()
  }
}
