/* Whose silence proves what: a node that holds one ticket and beats for it, a reaper, and a database that is away or
 * slow for a while, or that this node alone can't reach.
 *
 * Time is a number here. While all is well, nobody lets a step of time pass without having done what is to be done in
 * it: the node beats and hears the answer, the reaper sweeps. While the database is slow, everything may take any time.
 * The node's own clock never fails; a node that is stopped as a whole is for lease.pml.
 *
 * Switches for the size have a default below; all others make the protocol wrong, and variants.txt says how.
 */
#ifndef FAULTS_MAX              /* bounds the search */
#define FAULTS_MAX 1
#endif
#define STALE 5                         /* so old may a heartbeat be */
#define INTERVAL 1                      /* of beats and of sweeps */
#define GAP 3                           /* without a sweep for longer than that, everybody was away */
#define LAST 8                          /* all faults are over by then */
#define END (LAST + STALE + 2)

/* What must be true, by a name that a counterexample ends with and variants.txt refers to. */
#define MUST(condition, name) \
  if :: (condition) :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) fi

mtype = { well, slow, away, cut };      /* how the database is; cut: for the node it is away */

byte now = 1;
mtype db = well;
byte faults;

/* Committed rows. */
bool leased = true;                     /* leases, as the next one */
byte last_heartbeat = 1;
byte last_sweep_at = 1, extended_at;    /* reaping */

/* The node. */
bool alive = true, working = true;
byte last_success = 1;                  /* when the last beat was sent that was answered */
bool beaten, swept;                     /* what is done in this step of time */

bool was_cut;                           /* silent for the others, and rightly so */

/* A reaper that stalls between its look and its judgement has seen nothing of what happened since. */
#ifdef LOOK_MAY_BE_OLD
#define LOOK_IS_FRESH true
#else
#define LOOK_IS_FRESH (last_sweep_at + GAP >= now)
#endif
#define ALL_DONE ((db != well || beaten || !alive) && (swept || (db != well && db != cut)))
#define REACHES (db == well || db == slow)
#ifdef NEVER_STOPS
#define MUST_STOP false
#else
#define MUST_STOP (working && now >= last_success + STALE - INTERVAL)
#endif
#define RENEWED (last_heartbeat > extended_at -> last_heartbeat : extended_at)

/* ---- heartbeat.cpp and heartbeat.sql ---- */
proctype node() {
  byte sent;
end_idle:
  do
  :: atomic { alive && !beaten && REACHES -> sent = now };
     if
     :: atomic {
          REACHES ->
          if
#ifdef BEAT_WITHOUT_WORK
          :: leased -> last_heartbeat = now
#else
          :: leased && working -> last_heartbeat = now
          :: leased && !working -> leased = false; printf("%d: a ticket without work is handed back\n", now)
#endif
          :: !leased && working -> working = false
          :: !leased && !working
          fi
        };
        if
        :: atomic {
             REACHES && alive ->
#ifdef CLOCK_FROM_ANSWER
             last_success = now;
#else
             last_success = sent;
#endif
             beaten = true
           }
        :: atomic { !REACHES || !alive }        /* the answer is lost */
        fi
     :: atomic { !REACHES || !alive }
     fi;
     sent = 0
  :: atomic { MUST_STOP -> working = false; printf("%d: the node stops its work by its own clock\n", now) }
  od
}
proctype accident() {
  if
  :: atomic { now <= LAST -> alive = false; working = false; printf("%d: the node dies\n", now) }
  :: atomic { now <= LAST -> working = false; printf("%d: a worker ends without a word\n", now) }
  :: true
  fi
}

/* ---- note_sweep.sql, then reclaim.sql, each with a transaction of its own ---- */
proctype reaper() {
  bool judges;
end_idle:
  do
  :: atomic {
       !swept && db != away ->
       swept = true;
#ifdef SLOW_JUDGES
       judges = true;
#else
       judges = (db != slow);           /* how long this look took */
#endif
       if
#ifdef SLOW_LOOK_IS_NOTED
       :: true ->
#else
       :: judges ->                     /* a look at which nobody could be judged is none */
#endif
#if defined(EXTENDS_ALWAYS)
          extended_at = now;
#elif !defined(NEVER_EXTENDS)
          extended_at = (last_sweep_at + GAP < now -> now : extended_at);
#endif
          last_sweep_at = now
       :: else
       fi
     };
     if
     :: atomic {
          judges && db != away ->
          if
          :: leased && RENEWED + STALE < now && LOOK_IS_FRESH ->
             printf("%d: the ticket is reclaimed\n", now);
             MUST(!working, "work is over before its ticket is taken");
             MUST(!alive || was_cut, "no node loses its tickets to an outage");
             leased = false
          :: else
          fi
        }
     :: atomic { !judges || db == away }
     fi;
     judges = false
  od
}

proctype fault() {
end_waiting:
  do
  :: atomic {
       db == well && faults < FAULTS_MAX && now < LAST && ALL_DONE ->    /* between two faults a beat gets through */
       faults++;
       if
       :: db = slow
       :: db = away
       :: db = cut; was_cut = true
       fi;
       printf("%d: for the node the database is %e\n", now, db)
     }
  :: atomic { db == slow -> db = cut; was_cut = true; printf("%d: and then it is cut\n", now) }
  :: atomic { db != well -> db = well; printf("%d: the database is well again\n", now) }
  od
}

proctype time() {
end_waiting:
  do
  :: atomic {
       now < END && !MUST_STOP && ALL_DONE && (db == well || now < LAST) ->
       now++;
       beaten = false;
       swept = false
     }
  od
}

/* Nothing can move any more. */
proctype the_end() {
  timeout ->
  MUST(now == END, "time goes on");
  MUST(leased == working, "no heartbeat outlives its work")
}

init {
  atomic {
    run node();
    run accident();
    run reaper();
    run fault();
    run time();
    run the_end()
  }
}
