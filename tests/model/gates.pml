/* The breaker of a service that all tickets need. It opens when failures come in a row, or at once by a word that nobody may
 * ask any more; when its time is over one ticket tries, and what that one hears closes it or opens it again. Two dispatchers
 * claim from one queue, the service is away for a while, and workers are lost.
 *
 * A step is a statement under READ COMMITTED, as in slots.pml. settle and hear are one step: they wait for the row of the
 * breaker and judge its newest version.
 *
 * Switches for the size have a default below; all others make the protocol wrong, and variants.txt says how.
 */
#ifndef LOSSES_MAX              /* of workers; bounds the search */
#define LOSSES_MAX 1
#endif
#ifndef FAILURES_MAX            /* while the service is away; then it is back for good */
#define FAILURES_MAX 3
#endif
#define TICKETS 3
#define OPENS_WITH 2            /* failures in a row */

/* What must be true, by a name that a counterexample ends with and variants.txt refers to. */
#define MUST(condition, name) \
  if :: (condition) :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) fi

mtype = { closed, open, half_open };

/* Committed rows and their locks. */
byte fence[TICKETS];                    /* the newest of a ticket */
bool leased[TICKETS];                   /* leases: that fence has its lease */
bool is_ready[TICKETS], is_taken[TICKETS];      /* ready, and the lock of that row */
mtype state = closed;                   /* breakers; closed: counts, or no row */
byte failures;
bool is_over;                           /* until <= now */
byte probe_ticket, probe_fence;         /* fence 0: of nobody */
bool held;                              /* the lock of that row */
byte losses, failed;

/* Not in the database: which of the leases were let through by the breaker. */
bool tries[TICKETS];

#define TRYING (tries[0] + tries[1] + tries[2])
#define WAITING (is_ready[0] || is_ready[1] || is_ready[2])
#define RUNNING (leased[0] || leased[1] || leased[2])
#define PROBE_LIVES (probe_fence > 0 && leased[probe_ticket] && fence[probe_ticket] == probe_fence)
#ifdef HALF_OPEN_WAITS                  /* for the word of the ticket that tries, though it may be lost */
#define MAY_PROBE (state == open && is_over)
#else
#define MAY_PROBE (state != closed && is_over && !PROBE_LIVES)
#endif

/* ---- find_gates.sql, pass_gates.sql and claim.sql ---- */
proctype dispatcher(byte me) {
  byte t;
  bool as_probe;
end_idle:
  do
  :: atomic { WAITING && (state == closed || MAY_PROBE) -> as_probe = state != closed };
     if
     :: as_probe ->
        if
#ifdef GATE_NOT_LOCKED
        :: true
#else
        :: atomic { !held -> held = true }
        :: held -> as_probe = false; goto end_idle      /* SKIP LOCKED */
#endif
        fi;
#ifndef ONE_LOOK
        /* The second look: the lease of a claim that passed and committed since the first one. */
        if
        :: atomic { !MAY_PROBE -> held = false; as_probe = false; goto end_idle }
        :: MAY_PROBE
        fi
#endif
     :: else
     fi;
     atomic {
       t = 0;
       do
       :: t < TICKETS && is_ready[t] && !is_taken[t] -> is_taken[t] = true; break
       :: t < TICKETS && !(is_ready[t] && !is_taken[t]) -> t++
       :: t == TICKETS -> break
       od
     };
     if
     :: atomic {
          t < TICKETS ->
          fence[t]++;
          leased[t] = true;
          is_ready[t] = false;
          is_taken[t] = false;
          if
          :: as_probe ->
             state = half_open; probe_ticket = t; probe_fence = fence[t]; tries[t] = true; held = false;
             MUST(TRYING <= 1, "one ticket tries at a time")
          :: else
          fi;
          printf("dispatcher %d claims ticket %d with fence %d, to try: %d\n", me, t, fence[t], as_probe);
          as_probe = false; t = 0
        }
     :: atomic {                        /* nothing was left, a crash, or the connection is lost: all is rolled back */
          if
          :: t < TICKETS -> is_taken[t] = false
          :: else
          fi;
          if
          :: as_probe -> held = false
          :: else
          fi;
          as_probe = false; t = 0
        }
     fi
  od
}

inline open_again() {
  state = open; is_over = false;
#ifdef PROBE_FORGOTTEN
  probe_fence = 0;
#endif
  printf("the breaker opens\n")
}

/* ---- settle.sql with hear.sql, and reclaim.sql ---- */
proctype life(byte t) {
  bool is_probe;
end_waiting:
  do
  :: atomic {                           /* it answers */
       leased[t] && !held ->
       leased[t] = false;
       is_probe = state == half_open && probe_ticket == t && probe_fence == fence[t];
       printf("ticket %d with fence %d is answered\n", t, fence[t]);
       if
#ifdef ANYBODY_CLOSES
       :: true ->
#else
       :: is_probe || state == closed ->
#endif
          MUST(state == closed || tries[t], "what was asked before a breaker opened doesn't close it");
          state = closed; failures = 0; probe_fence = 0
       :: else
       fi;
       tries[t] = false; is_probe = false
     }
  :: atomic {                           /* it fails, or says that nobody may ask */
       leased[t] && !held && failed < FAILURES_MAX ->
       failed++;
       leased[t] = false;
       is_ready[t] = true;
       is_probe = state == half_open && probe_ticket == t && probe_fence == fence[t];
       tries[t] = false;
       printf("ticket %d with fence %d fails and waits again\n", t, fence[t]);
       if
       :: state == closed && failures + 1 < OPENS_WITH -> failures++
       :: is_probe || (state == closed && failures + 1 >= OPENS_WITH) -> failures = 0; open_again()
       :: true -> open_again()          /* shut */
       :: state != closed && !is_probe
       fi;
       is_probe = false
     }
  :: atomic {
       leased[t] && losses < LOSSES_MAX ->
       losses++;
       leased[t] = false;
       is_ready[t] = true;
       tries[t] = false;
       printf("the worker of ticket %d with fence %d is lost, and it waits again\n", t, fence[t])
     }
  od
}

proctype time() {
end_time:
  do
  :: atomic { state != closed && !is_over -> is_over = true }
  od
}

/* Nothing can move any more: then everything has run. */
proctype the_end() {
  timeout ->
  MUST(!WAITING && !RUNNING, "no breaker stays shut for ever")
}

init {
  byte i;
  atomic {
    for (i : 0 .. TICKETS - 1) {
      is_ready[i] = true;
      run life(i)
    };
    run dispatcher(1);
    run dispatcher(2);
    run time();
    run the_end()
  }
}
