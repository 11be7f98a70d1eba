/* The clocks of a ticket: how long it may wait in `ready`, how long an attempt may take or go without progress, and the
 * deadline of the whole ticket. A worker enforces what concerns its attempt; a reaper does so after a grace,
 * for workers that are too late, and for tickets that wait.
 *
 * Time is a number here, and passes in steps. A worker is in time until it stalls: time then waits for it at the end of
 * the grace. A stalled worker may wake up whenever it likes.
 *
 * An atomic block is a transaction, but end_waiting is taken apart into its statements: it looks without locks, locks
 * the ticket, then looks into one table after the other. What a claim or a hand-back does needs no ticket's lock.
 *
 * Switches for the size and for what takes part have a default below; all others make the protocol wrong, and
 * variants.txt says how.
 */
#ifndef QUEUE_TIMEOUT           /* 0: none, as for the next one */
#define QUEUE_TIMEOUT 0
#endif
#ifndef DEADLINE
#define DEADLINE 0
#endif
#ifndef RETRIES_MAX             /* bounds the search */
#define RETRIES_MAX 0
#endif
#define TIMEOUT 2                       /* of an attempt, or, with PROGRESS, between two signs of progress */
#define BACKOFF 1
#define ATTEMPTS_MAX 2
#define RELEASES_MAX 1                  /* bounds the search */
#define LAST 5                          /* nobody claims later */
#define END (LAST + TIMEOUT + GRACE + 1)
#define GRACE 1
#ifdef NO_GRACE
#define REAPERS_GRACE 0
#else
#define REAPERS_GRACE GRACE
#endif

/* What must be true, by a name that a counterexample ends with and variants.txt refers to. */
#define MUST(condition, name) \
  if :: (condition) :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) fi

mtype = { scheduled, ready, in_progress, completed, failed,     /* where the ticket is, as in lease.pml */
          content, released, timed_out,                         /* further outcomes */
          attempt, deadline,                                    /* clocks of an attempt */
          ok, again, lost };                                    /* what settle answers */

byte now = 1;

/* Committed rows and locks. */
mtype state = ready;
byte queued_at = 1;                     /* ready; it expires QUEUE_TIMEOUT later */
byte run_at;                            /* scheduled */
bool ready_held, scheduled_held;        /* the locks of the rows in `ready` and `scheduled` */
byte claimed_at;                        /* what a claim that isn't committed yet read from the clock */
byte fence;                             /* leases, as the next two */
byte ends_at;
mtype clock;                            /* which clock that is */
byte attempts;                          /* tickets, as the next two */
byte deadline_at = DEADLINE;
bool ticket_held;
byte deadline_row = DEADLINE;           /* deadlines; 0: gone */
short events;                           /* a bit per fence that an event of its holder carries */

/* Stored nowhere. */
bool in_time;                           /* the holder enforces its clock */
short spoken;                           /* a bit per fence whose holder's settlement counted */
short ended;                            /* a bit per fence that somebody has ended */
bool missed;                            /* an attempt was ended by the deadline */
byte retries, releases;

#define FINAL (state == completed || state == failed)
#define EXPIRED (QUEUE_TIMEOUT > 0 && queued_at + QUEUE_TIMEOUT <= now)
#define BIT(set, i) (((set) >> (i)) & 1)

inline make_ready() {
  state = ready;
  queued_at = now
}
inline put_off() {
  state = scheduled;
  run_at = now + BACKOFF
}

#ifdef DEADLINE_IS_RETRIED
#define HAS_RETRY true
#else
#define HAS_RETRY false
#endif

/* ---- settle.sql, once the lease is found ---- */
inline end_attempt(outcome, which) {
  MUST(!BIT(ended, fence), "an attempt ends once");
  ended = ended | (1 << fence);
  in_time = false;
  ends_at = 0;
  if
  :: outcome == completed -> state = completed
  :: outcome == released -> make_ready()
  :: outcome == content || (outcome == timed_out && (which == attempt || HAS_RETRY)) ->
     missed = missed || (outcome == timed_out && which == deadline);
     attempts++;
     if
     :: attempts >= ATTEMPTS_MAX -> state = failed
     :: else -> put_off()
     fi
  :: else -> missed = true; state = failed
  fi
}

proctype worker(byte me) {
  byte token, stops_at;
  mtype outcome, answer, mine;
end_idle:
  /* claim.sql reads the clock, takes the row by it, and may take its time to commit. */
  atomic { state == ready && !EXPIRED && !ready_held && now <= LAST -> ready_held = true; claimed_at = now };
  atomic {
    MUST(!missed, "nothing runs after its deadline has ended it");
    ready_held = false;
    state = in_progress;
    fence++;
    ends_at = claimed_at + TIMEOUT;
    clock = attempt;
    if
    :: deadline_at > 0 && deadline_at <= ends_at ->
       clock = deadline;
       ends_at = (deadline_at > claimed_at -> deadline_at : claimed_at)
    :: else
    fi;
    claimed_at = 0;
    in_time = true;
    token = fence;
    stops_at = ends_at;
    mine = clock;
    printf("%d: worker %d claims the ticket with fence %d until %d\n", now, me, token, ends_at)
  };
work:
  if
  :: atomic { outcome = completed }
  :: atomic { outcome = content }
  :: atomic { releases < RELEASES_MAX -> releases++; outcome = released }
  :: atomic { now >= stops_at -> outcome = timed_out }
#ifdef PROGRESS
  :: atomic {                           /* heartbeat.sql: a beat that brings progress sets the clock back */
       now < stops_at && now <= LAST ->
       stops_at = now + TIMEOUT;
       if
       :: state == in_progress && fence == token -> ends_at = stops_at
       :: else
       fi
     };
     goto work
  :: atomic {                           /* the program hangs, and its worker beats on without seeing that */
       printf("%d: worker %d doesn't see that its program hangs\n", now, me);
       in_time = in_time && fence != token
     };
     do
     :: atomic {
          now <= END - GRACE && state == in_progress && fence == token ->
#ifdef BEAT_IS_PROGRESS
          ends_at = now + TIMEOUT
#else
          skip
#endif
        }
     :: atomic { state != in_progress || fence != token -> token = 0; mine = 0; stops_at = 0 }; goto end_idle
     od
#endif
  :: atomic { in_time = in_time && fence != token; printf("%d: worker %d crashes\n", now, me); token = 0; mine = 0;
              stops_at = 0 };
     goto end_idle
  fi;
  if
  :: true
  :: atomic { in_time = in_time && fence != token; printf("%d: worker %d stalls\n", now, me) }
  fi;
  atomic {                              /* settle.sql */
    !ticket_held || outcome == released ->
    if
    :: state == in_progress && fence == token ->
       printf("%d: worker %d settles the ticket with fence %d as %e\n", now, me, token, outcome);
       events = events | (1 << token);
       spoken = spoken | (1 << token);
       end_attempt(outcome, mine);
       answer = ok
    :: else ->
       answer = (BIT(events, token) -> again : lost);
       printf("%d: worker %d with fence %d is too late: %e\n", now, me, token, answer)
    fi;
    MUST((answer != lost) == BIT(spoken, token), "the answer is true");
    token = 0; stops_at = 0; outcome = 0; answer = 0; mine = 0
  };
  goto end_idle
}

/* ---- expire_attempts.sql: judges the lease under its lock, and settles as somebody who isn't the holder ---- */
proctype reap_attempts() {
end_waiting:
  do
  :: atomic { state == in_progress && ends_at + REAPERS_GRACE < now && !ticket_held
#ifdef EXPIRE_IN_TWO_STEPS
     };
     atomic { state == in_progress
#endif
       ->
       printf("%d: the reaper ends the attempt with fence %d by its %e clock\n", now, fence, clock);
       MUST(ends_at < now, "only an attempt that is too late is ended");
       MUST(!in_time, "a worker that is in time keeps its ticket");
#ifdef REAPER_SIGNS
       events = events | (1 << fence);
#endif
       end_attempt(timed_out, clock)
     }
  od
}

/* ---- expire_waiting.sql and end_waiting.sql, for the clock of the queue ---- */
proctype reap_queue() {
end_waiting:
  do
  :: atomic { state == ready && EXPIRED };      /* without locks */
     if
     :: atomic { !ticket_held && !FINAL -> ticket_held = true };
        atomic {
          !ready_held ->
          if
#if defined(EXPIRY_NOT_LOOKED_AT)
          :: state == ready ->
#elif defined(LEASE_NOT_SEEN)
          :: true ->
#else
          :: state == ready && EXPIRED ->
#endif
             printf("%d: the ticket has waited too long\n", now);
             MUST(state == ready, "a clock of the queue ends nothing that runs");
             MUST(EXPIRED, "only what has waited too long fails");
             state = failed
          :: else
          fi;
          ticket_held = false
        }
     :: atomic { FINAL }
     fi
  od
}

/* ---- the same for the deadline: `scheduled`, then `ready`, each with a snapshot of its own ---- */
proctype reap_deadlines() {
  bool struck;
end_waiting:
  do
  :: atomic { deadline_row > 0 && deadline_row <= now };
     if
     :: atomic { !ticket_held && !FINAL -> ticket_held = true };
        atomic {
          if
          :: state == scheduled -> scheduled_held = true; struck = true
          :: else
          fi
        };
        atomic {
          !ready_held ->
          if
#ifdef DEADLINE_NOT_READ_AGAIN
          :: struck || state == ready ->
#else
          :: (struck || state == ready) && deadline_at > 0 ->   /* a retry takes it away */
#endif
             printf("%d: the deadline passes while the ticket waits\n", now);
             MUST(deadline_at > 0 && deadline_at <= now, "a ticket fails by a clock that it has");
             state = failed;
             missed = true;
             deadline_row = 0
          :: else
             /* It runs. Its attempt knows the deadline, but may end otherwise: then it waits again. */
#ifdef ROW_GONE_WHILE_RUNNING
             deadline_row = 0
#else
             deadline_row = (deadline_at > 0 -> deadline_row : 0)
#endif
          fi;
          scheduled_held = false;
          ticket_held = false;
          struck = false
        }
     :: atomic { FINAL -> deadline_row = 0 }
     fi
  od
}

/* ---- promote.sql ---- */
proctype promoter() {
end_waiting:
  do
  :: atomic { state == scheduled && !scheduled_held && run_at <= now -> run_at = 0; make_ready() }
  od
}

/* ---- retry.sql: under the same number, with fresh counters and without a deadline ---- */
#if RETRIES_MAX > 0
proctype operator() {
end_waiting:
  do
  :: atomic {
       state == failed && !ticket_held && retries < RETRIES_MAX ->
       retries++;
       printf("%d: the ticket is retried\n", now);
       attempts = 0;
       missed = false;
       deadline_at = 0;
       make_ready()                     /* the row in `deadlines` is left to the reaper */
     }
  od
}
#endif

proctype time() {
end_waiting:
  do
  :: atomic { now < END && !(ready_held && now > claimed_at) &&
              !(state == in_progress && in_time && now >= ends_at + GRACE) -> now++ }
  od
}

/* Nothing can move any more. */
proctype the_end() {
  timeout ->
  MUST(now == END && !ticket_held && !scheduled_held, "nobody waits for a lock for ever");
  MUST(state != in_progress, "no ticket runs for ever");
  MUST(FINAL || deadline_at == 0, "no ticket waits past its deadline");
  MUST(state != ready || !EXPIRED, "no ticket waits past its queue timeout")
}

init {
  atomic {
    run worker(1);
    run worker(2);
    run reap_attempts();
#if QUEUE_TIMEOUT > 0
    run reap_queue();
#endif
#if DEADLINE > 0
    run reap_deadlines();
#endif
    run promoter();
#if RETRIES_MAX > 0
    run operator();
#endif
    run time();
    run the_end()
  }
}
