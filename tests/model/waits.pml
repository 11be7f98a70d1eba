/* An answer that comes later: a worker asks, is promised an answer, stores the promise and lets the ticket go; later claims
 * look for the answer instead of asking again. Workers stall and are lost at any moment, looks meet trouble of others, an
 * operator cancels and retries, and the clock of the attempt runs all the while.
 *
 * An atomic block is a transaction. Time passes in steps, and doesn't while a sweep has something to end: sweeps are in time.
 * `scheduled` is left out, as in lease.pml.
 *
 * Switches for the size have a default below; all others make the protocol wrong, and variants.txt says how.
 */
#ifndef LOSSES_MAX              /* these bound the search */
#define LOSSES_MAX 1
#endif
#ifndef TROUBLES_MAX
#define TROUBLES_MAX 1
#endif
#ifndef CANCELS_MAX             /* and as many retries */
#define CANCELS_MAX 0
#endif
#define WORKERS 2
#define ATTEMPTS_MAX 2
#define TIMEOUT 1
#define NOW_MAX 3               /* bounds the search, too */
#define LOOKS_MAX 2             /* that find nothing yet */

/* What must be true, by a name that a counterexample ends with and variants.txt refers to. */
#define MUST(condition, name) \
  if :: (condition) :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) fi

mtype = { ready, in_progress, completed, failed, cancelled, waiting, content, transient };

mtype state = ready;
byte attempts, fence, lease_ends;
bool cancel_requested;
bool stored;                            /* a row of waits */
byte promise_of, wait_ends;             /* its attempt, and when that ends */
byte now, waited, losses, troubles, cancels, retries;

/* Not in the database: since when the attempt that is under way has run, and whether its promise was ever stored. */
bool under_way, told;
byte began;

#define FINAL (state == completed || state == failed || state == cancelled)
#define LEASE_IS_DUE (state == in_progress && now >= lease_ends)
#ifdef SWEEP_FORGETS_WAITS              /* only what is claimed has a clock */
#define WAIT_IS_DUE false
#else
#define WAIT_IS_DUE (state == ready && stored && now >= wait_ends)
#endif

inline end_attempt() {
  under_way = false; told = false
}

inline forget_promise() {
  stored = false; promise_of = 0; wait_ends = 0
}

/* Back in the queue, unless somebody wants it cancelled. */
inline run_again() {
  if
  :: cancel_requested ->
     state = cancelled; cancel_requested = false; end_attempt();
#ifndef CANCEL_KEEPS_PROMISE
     forget_promise()
#endif
  :: else -> state = ready
  fi
}

inline use_attempt() {
  attempts++;
  end_attempt();
#ifndef FAILURE_KEEPS_PROMISE
  forget_promise();
#endif
  if
  :: attempts >= ATTEMPTS_MAX -> state = failed; cancel_requested = false
  :: else -> run_again()
  fi
}

proctype worker(byte me) {
  byte mine, attempt;
  bool looks;
  mtype outcome;
end_idle:
  do
  :: atomic {                           /* claim.sql */
       state == ready ->
       fence++;
       mine = fence;
       attempt = attempts + 1;
       state = in_progress;
       looks = stored;
       if
#ifdef CLOCK_BEGINS_AGAIN
       :: true -> lease_ends = now + TIMEOUT
#else
       :: stored -> lease_ends = wait_ends
       :: !stored -> lease_ends = now + TIMEOUT
#endif
       fi;
       if
       :: !under_way -> under_way = true; began = now
       :: !stored && under_way -> began = now          /* nothing was kept, so it begins anew */
       :: else
       fi;
       MUST(!looks || promise_of == attempt, "an attempt looks for its own promise");
       printf("worker %d claims attempt %d, to look: %d\n", me, attempt, looks)
     };
     atomic {                           /* the work */
       if
       :: !looks ->
          if
          :: fence == mine && state == in_progress -> MUST(!told, "what was promised and stored isn't asked for again")
          :: else
          fi;
          if
          :: outcome = completed
          :: outcome = content
          :: outcome = waiting
          fi
       :: looks ->
          if
          :: outcome = completed
          :: outcome = content
          :: waited < LOOKS_MAX -> waited++; outcome = waiting
          :: troubles < TROUBLES_MAX -> troubles++; outcome = transient
          fi
       fi;
       printf("worker %d: %e\n", me, outcome)
     };
     atomic {                           /* settle.sql */
       if
#ifdef WAITING_WITHOUT_FENCE
       :: state == in_progress && (fence == mine || outcome == waiting) ->
#else
       :: state == in_progress && fence == mine ->
#endif
          MUST(fence == mine, "only the newest claim speaks");
          if
          :: outcome == completed -> state = completed; cancel_requested = false; end_attempt(); forget_promise()
          :: outcome == content -> use_attempt()
          :: outcome == waiting ->
#ifdef WAIT_USES_ATTEMPT
             attempts++;
#endif
             if
             :: !stored -> stored = true; promise_of = attempt; wait_ends = lease_ends
             :: else
             fi;
             told = true;
             run_again()
          :: outcome == transient ->
#ifdef TROUBLE_ENDS_WAIT
             forget_promise();
#endif
             run_again()
          fi;
          lease_ends = 0
       :: else                          /* lost */
       fi;
       mine = 0; attempt = 0; looks = false; outcome = 0
     }
  od
}

/* reclaim.sql, release.sql */
proctype reaper() {
end_reaper:
  do
  :: atomic {
       state == in_progress && losses < LOSSES_MAX ->
       losses++;
       lease_ends = 0;
#ifdef LOSS_ENDS_WAIT
       forget_promise();
#endif
       run_again();
       printf("the worker is lost\n")
     }
  od
}

/* expire_attempts.sql */
proctype sweep() {
end_sweep:
  do
  :: atomic {
       LEASE_IS_DUE || WAIT_IS_DUE ->
       lease_ends = 0;
       use_attempt();
       printf("its time is over\n")
     }
  od
}

/* cancel.sql, retry.sql */
proctype operator() {
end_operator:
  do
  :: atomic {
       cancels < CANCELS_MAX && !FINAL && !cancel_requested ->
       cancels++;
       if
       :: state == in_progress -> cancel_requested = true
       :: else -> cancel_requested = true; run_again()
       fi;
       printf("an operator cancels\n")
     }
  :: atomic {
       retries < CANCELS_MAX && (state == failed || state == cancelled) ->
       retries++; attempts = 0; state = ready;
       printf("an operator retries\n")
     }
  od
}

proctype time() {
end_time:
  do
  :: atomic {
       now < NOW_MAX && !LEASE_IS_DUE && !WAIT_IS_DUE ->
       now++;
       MUST(!under_way || now - began <= TIMEOUT || !(state == in_progress || stored), "an attempt ends with its clock")
     }
  od
}

proctype the_end() {
  timeout ->
  MUST(FINAL, "nothing waits for ever");
  MUST(!stored, "what is over waits for nothing")
}

init {
  byte i;
  atomic {
    for (i : 1 .. WORKERS) { run worker(i) }
    run reaper();
    run sweep();
    run operator();
    run time();
    run the_end()
  }
}
