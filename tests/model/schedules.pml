/* A schedule that names every moment of a clock, two promoters that crash at any step, and an operator who puts the
 * same schedule again, pauses it and lets it go on, while time passes.
 *
 * A step is a statement under READ COMMITTED. A promoter locks the schedule with FOR UPDATE SKIP LOCKED, which judges
 * it again by its newest version, and writes all that it does in one transaction.
 *
 * Switches for the size have a default below; all others make the protocol wrong, and variants.txt says how.
 */
#ifndef MOMENTS
#define MOMENTS 4
#endif
#ifndef CHANGES_MAX             /* by operators; bounds the search */
#define CHANGES_MAX 2
#endif
#define NEVER 0

/* What must be true, by a name that a counterexample ends with and variants.txt refers to. */
#define MUST(condition, name) \
  if :: (condition) :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) fi

byte now = 1;                           /* clock_timestamp() */

/* Committed rows and the lock. */
byte next_at = 2;                       /* schedules */
bool paused;
bool held;                              /* the lock of the row */
byte firings;                           /* a bit per moment */

/* Stored nowhere: a bit per moment that has its ticket, and per moment that rightly has none: its ticket was refused,
 * an operator changed the schedule meanwhile, or it passed before somebody looked. */
byte tickets, excused;
byte changes;

#define BIT(set, i) (((set) >> (i)) & 1)
#ifdef NO_FIRINGS
#define KEY_VIOLATED false
#else
#define KEY_VIOLATED BIT(firings, due)  /* by another one that was committed meanwhile */
#endif
#define AFTER_NOW (now + 1)             /* next_fire.sql */

inline excuse(from, to) {               /* the moments before `to` */
  m = from;
  do
  :: m < to -> excused = excused | (1 << m); m++
  :: else -> break
  od;
  m = 0
}

/* The transaction commits what it has done for the moment `due`. */
inline submit_ticket() {
  MUST(!paused, "a paused schedule fires nothing");
  MUST(!BIT(tickets, due), "one ticket per moment");
  tickets = tickets | (1 << due);
  printf("promoter %d submits the ticket of moment %d\n", me, due)
}
inline put_off() {
  excuse(due + 1, next);
  next_at = next
}
inline release() {
#ifndef NOT_LOCKED
  held = false
#else
  skip
#endif
}

/* ---- schedule.sql: fire ---- */
proctype promoter(byte me) {
  byte due, next, m;
  bool fired;
end_idle:
  do
#if defined(NOT_LOCKED)
  :: atomic { next_at != NEVER && next_at <= now -> due = next_at };
#elif defined(OLD_LOOK)
  :: atomic { next_at != NEVER && next_at <= now -> due = next_at };
     atomic { !held -> held = true };
#else
  :: atomic { next_at != NEVER && next_at <= now && !held -> due = next_at; held = true };
#endif
     atomic { next = AFTER_NOW };       /* also when several moments have passed */
#ifdef NO_FIRINGS
     fired = false;
#else
     atomic { fired = BIT(firings, due) };
#endif
#if defined(NEXT_FIRST)
     atomic { put_off(); release() };
#elif defined(TICKET_FIRST)
     if
     :: atomic { !fired -> submit_ticket() }
     :: atomic { fired }
     fi;
#endif
     if
     :: atomic {
          if
          :: !fired && !KEY_VIOLATED ->
#ifndef TICKET_FIRST
             submit_ticket();
#endif
             firings = firings | (1 << due)
          :: else                       /* a ticket that violates the key is rolled back, too */
          fi;
#ifndef NEXT_FIRST
          put_off();
          release();
#endif
          due = 0; next = 0; fired = false
        }
     :: atomic {                        /* the ticket is refused; its part of the transaction is rolled back */
#if defined(NEXT_FIRST) || defined(TICKET_FIRST)
          false ->
#else
          !fired ->
#endif
          excuse(due, due + 1);
          put_off();
          release();
          printf("promoter %d is refused the ticket of moment %d\n", me, due);
          due = 0; next = 0
        }
     :: atomic {
          printf("promoter %d crashes\n", me);
#ifndef NEXT_FIRST
          release();
#endif
          due = 0; next = 0; fired = false
        }
     fi
  od
}

/* ---- schedule.sql: schedule; and what a pause has to do ---- */
proctype operator() {
  byte next, m;
end_idle:
  do
  :: atomic { changes < CHANGES_MAX -> changes++; next = AFTER_NOW };     /* before it waits for the lock */
     atomic {
       !held ->
       printf("the schedule is put again, with moment %d next\n", next);
       if
#ifdef PUT_UNPAUSES
       :: true ->
#else
       :: !paused ->
#endif
          excuse(next_at, next);        /* a moment that is due but not fired goes with the old schedule */
          next_at = next
       :: else
       fi;
       next = 0
     }
  :: atomic {
       changes < CHANGES_MAX && !paused && !held ->
       changes++;
       printf("the schedule is paused\n");
       paused = true;
       excuse(next_at, next_at + 1);
       next_at = NEVER
     }
  :: atomic {
       paused && !held ->
       printf("the schedule goes on\n");
       paused = false;
       excuse(1, AFTER_NOW);
       next_at = AFTER_NOW
     }
  od
}

proctype time() {
end_waiting:
  do
  :: atomic { now < MOMENTS -> now++; printf("it is moment %d\n", now) }
  od
}

/* Nothing can move any more. */
proctype the_end() {
  byte m;
  timeout ->
  MUST(!held, "nobody waits for a lock for ever");
  MUST(!paused && next_at == MOMENTS + 1, "a schedule goes on for ever");
  for (m : 2 .. MOMENTS) {
    MUST(BIT(tickets, m) || BIT(excused, m), "no moment is lost")
  }
}

init {
  atomic {
    run promoter(1);
    run promoter(2);
    run operator();
    run time();
    run the_end()
  }
}
