/* Concurrency limits: slots are rows that name a claim, a ticket and its fence, and are free when that claim has no
 * lease. Two dispatchers claim from one queue, and whatever they claim ends at any moment: it is settled, or its worker
 * is lost and it is reclaimed. One scope is enough: those of a queue, a node and a group key are looked at one by one.
 *
 * A step is a statement under READ COMMITTED. SELECT ... FOR UPDATE SKIP LOCKED finds its rows by the snapshot of its
 * beginning; a row that was changed since is judged again by its newest version, but everything else in the condition,
 * such as the leases, is still looked up in that snapshot.
 *
 * Switches for the size have a default below; all others make the protocol wrong, and variants.txt says how.
 */
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef LOSSES_MAX              /* of workers; bounds the search */
#define LOSSES_MAX 2
#endif
#define TICKETS 3

/* What must be true, by a name that a counterexample ends with and variants.txt refers to. */
#define MUST(condition, name) \
  if :: (condition) :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) fi

/* Committed rows and their locks. */
byte fence[TICKETS];                    /* the newest of a ticket */
bool leased[TICKETS];                   /* leases: that fence has its lease */
bool is_ready[TICKETS], is_taken[TICKETS];      /* ready, and the lock of that row */
byte slot_ticket[SLOTS], slot_fence[SLOTS];     /* slots; fence 0: of nobody yet */
bool held[SLOTS];                       /* the lock of the row in `slots` */
byte losses;
#ifdef GIVEN_BACK
bool occupied[SLOTS];                   /* instead of looking for the lease */
#endif

#define RUNNING (leased[0] + leased[1] + leased[2])
#define WAITING (is_ready[0] || is_ready[1] || is_ready[2])
#define BIT(set, i) (((set) >> (i)) & 1)
#define COUNT(set) (BIT(set, 0) + BIT(set, 1))

/* Whether no claim stands behind a slot. */
#if defined(GIVEN_BACK)
#define FREE(s) (!occupied[s])
#elif defined(COUNT_LEASES)             /* no rows at all, but as many slots as are missing from the limit */
#define FREE(s) (s >= RUNNING)
#elif defined(SLOT_WITHOUT_FENCE)
#define FREE(s) (slot_fence[s] == 0 || !leased[slot_ticket[s]])
#else
#define FREE(s) (slot_fence[s] == 0 || !leased[slot_ticket[s]] || slot_fence[s] != fence[slot_ticket[s]])
#endif

inline count_free() {
  free = 0;
  for (s : 0 .. SLOTS - 1) {
    free = free | (FREE(s) << s)
  };
  s = 0
}

inline unlock(s) {
#if defined(COUNT_LEASES) || defined(SLOTS_NOT_LOCKED)
  skip
#else
  held[s] = held[s] && !BIT(locked, s)
#endif
}

/* ---- find_ready_with_slots.sql and claim.sql ---- */
proctype dispatcher(byte me) {
  byte s, t, free, locked, mine, ticket[SLOTS];
end_idle:
  do
  :: atomic { WAITING && (FREE(0) || FREE(SLOTS - 1)) -> count_free() };
     /* Locks what it has found, up to any number of them. One step, as it waits for nobody. */
     atomic {
       do
       :: s < SLOTS && BIT(free, s) ->
          if
#if defined(COUNT_LEASES) || defined(SLOTS_NOT_LOCKED)
          :: true -> locked = locked | (1 << s)
#else
          :: !held[s] -> held[s] = true; locked = locked | (1 << s)
          :: held[s]                            /* SKIP LOCKED */
#endif
          fi;
          s++
       :: s < SLOTS && !BIT(free, s) -> s++
       :: s == SLOTS || locked > 0 -> break      /* LIMIT */
       od;
       s = 0; free = 0; mine = locked
     };

     /* The second look: what a claim took and committed since the first one isn't free. Then a ticket for each slot
      * that is left, or none. One step, as nobody else can take a locked slot meanwhile. */
     atomic {
#ifndef ONE_LOOK
       count_free();
       for (s : 0 .. SLOTS - 1) {
         if
         :: BIT(mine, s) && !BIT(free, s) -> mine = mine & ~(1 << s)
         :: else
         fi
       };
       free = 0;
#endif
       for (s : 0 .. SLOTS - 1) {
         for (t : 0 .. TICKETS - 1) {
           if
           :: BIT(mine, s) && ticket[s] == 0 && is_ready[t] && !is_taken[t] -> is_taken[t] = true; ticket[s] = t + 1
           :: else
           fi
         }
       };
       s = 0; t = 0; mine = 0
     };

#ifdef TAKEN_BEFORE
     /* The slots are taken in a transaction of their own, and the leases come in the next one. */
     atomic {
       for (s : 0 .. SLOTS - 1) {
         if
         :: ticket[s] > 0 -> t = ticket[s] - 1; slot_ticket[s] = t; slot_fence[s] = fence[t] + 1
         :: else
         fi;
         unlock(s)
       };
       s = 0; t = 0; locked = 0
     };
#endif
     if
     :: atomic {
          for (s : 0 .. SLOTS - 1) {
            if
            :: ticket[s] > 0 ->
               t = ticket[s] - 1;
               fence[t]++;
               leased[t] = true;
               is_ready[t] = false;
               is_taken[t] = false;
               slot_ticket[s] = t;
               slot_fence[s] = fence[t];
#ifdef GIVEN_BACK
               occupied[s] = true;
#endif
               ticket[s] = 0;
               printf("dispatcher %d claims ticket %d with fence %d in slot %d\n", me, t, fence[t], s)
            :: else
            fi;
            unlock(s)
          };
          MUST(RUNNING <= SLOTS, "never more run than there are slots");
          count_free();
          MUST(SLOTS - COUNT(free) <= RUNNING, "no slot is lost");
          s = 0; t = 0; free = 0; locked = 0
        }
     :: atomic {                        /* a crash, or the connection is lost: all is rolled back */
          for (s : 0 .. SLOTS - 1) {
            if
            :: ticket[s] > 0 -> is_taken[ticket[s] - 1] = false; ticket[s] = 0
            :: else
            fi;
            unlock(s)
          };
          s = 0; free = 0; locked = 0
        }
     fi
  od
}

/* ---- settle.sql and reclaim.sql: nobody gives a slot back ---- */
proctype life(byte t) {
  byte s;
end_waiting:
  do
  :: atomic {
       leased[t] ->
       leased[t] = false;
       printf("ticket %d with fence %d is settled\n", t, fence[t]);
#ifdef GIVEN_BACK
       for (s : 0 .. SLOTS - 1) {
         if
         :: slot_fence[s] == fence[t] && slot_ticket[s] == t -> occupied[s] = false
         :: else
         fi
       };
       s = 0
#endif
     }
  :: atomic {
       leased[t] && losses < LOSSES_MAX ->
       losses++;
       leased[t] = false;
       is_ready[t] = true;
       printf("the worker of ticket %d with fence %d is lost, and it waits again\n", t, fence[t])
     }
  od
}

/* Nothing can move any more: then everything has run. */
proctype the_end() {
  timeout ->
  MUST(!WAITING && RUNNING == 0, "no slot is lost")
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
    run the_end()
  }
}
