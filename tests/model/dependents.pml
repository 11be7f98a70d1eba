/* How children learn that their parents are completed: two parents, each with an edge to every child, while a child is
 * submitted late, another is cancelled and retried, and a parent fails and is retried.
 *
 * Here a step is a statement under READ COMMITTED and not a whole transaction: it sees what was committed when it
 * began, waits for row locks, and then sees the newest version of the rows it waited for, but of no others. What a
 * transaction writes is kept by its process until it commits, in one step.
 *
 * With WORK_LIST a parent may hand its children to a durable list instead of releasing them itself. Cascade actors take
 * them from there in batches.
 *
 * Switches for what takes part have a default below; all others make the protocol wrong, and variants.txt says how.
 */
#ifndef CHILDREN
#define CHILDREN 2
#endif
#ifndef FAILURES_MAX            /* bounds the search, as all of these */
#define FAILURES_MAX 0
#endif
#ifndef CANCELS_MAX
#define CANCELS_MAX 0
#endif
#ifndef CASCADES
#define CASCADES 2
#endif

/* What must be true, by a name that a counterexample ends with and variants.txt refers to. */
#define MUST(condition, name) \
  if :: (condition) :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) fi

#define LATE 1                          /* the child that is submitted while its parents complete */

mtype = { live, completed, failed,              /* parents */
          nowhere, blocked, ready, cancelled }; /* children */

/* Committed rows and their locks. */
mtype parent[2];                        /* tickets */
bool exclusive[2];                      /* FOR UPDATE, or an update that isn't committed */
byte shared[2];                         /* FOR SHARE */
mtype child[CHILDREN];
byte remaining[CHILDREN];               /* blocked */
bool held[CHILDREN];                    /* the lock of the row in `blocked` */
#ifdef WORK_LIST
bool item[2];                           /* the work list: a parent whose children are still to be told */
byte next[2];                           /* the first child that hasn't been */
bool taken[2];                          /* the lock of the item */
#endif

byte counted[CHILDREN];                 /* dependencies: a bit per parent that the counter includes; not one that was
                                           completed before the edge existed */

/* Stored nowhere: a bit per parent whose completion the child still waits to hear of. */
byte awaits[CHILDREN];

byte failures, cancels;

#define BIT(set, i) (((set) >> (i)) & 1)

/* Whether an edge is still to be counted, asked by whoever holds the lock of its parent or of the child's counter. */
#ifdef WORK_LIST
#define TO_COME(p, c) (BIT(counted[c], p) && (parent[p] != completed || (item[p] && next[p] <= c)))
#else
#define TO_COME(p, c) (BIT(counted[c], p) && parent[p] != completed)
#endif
#ifdef LIST_COUNTS_ALL
#define TOLD_BY(p, c) true
#else
#define TOLD_BY(p, c) BIT(counted[c], p)
#endif
#ifdef RETRY_IGNORES_LIST
#define TO_COME_AT_RETRY(p, c) (BIT(counted[c], p) && parent[p] != completed)
#else
#define TO_COME_AT_RETRY(p, c) TO_COME(p, c)
#endif
#ifdef NET_IGNORES_LIST
#define TO_COME_FOR_NET(p, c) (BIT(counted[c], p) && parent[p] != completed)
#else
#define TO_COME_FOR_NET(p, c) TO_COME(p, c)
#endif

/* ---- parts of transactions that commit ---- */

/* What became of a child whose counter is written. */
inline look_at(c) {
  if
  :: remaining[c] == 0 ->
     printf("child %d is ready\n", c);
     MUST(parent[0] == completed && parent[1] == completed, "no child is ready before its parents are completed");
     child[c] = ready;
     awaits[c] = 0
  :: else
  fi
}

inline lower(p, c) {
  printf("parent %d is counted at child %d\n", p, c);
  MUST(BIT(awaits[c], p), "each edge is counted once");
  awaits[c] = awaits[c] & ~(1 << p);
  remaining[c]--
}

/* A child enters with the set of parents that it has to wait for. */
inline enter(c, waits) {
  printf("child %d enters with %d parents to come\n", c, BIT(waits, 0) + BIT(waits, 1));
  awaits[c] = waits;
  remaining[c] = BIT(waits, 0) + BIT(waits, 1);
  child[c] = blocked;
  look_at(c)
}

/* The children that a statement sees: those that were committed when it began, with an edge that is counted. */
inline see_children(seen, told) {
  seen = 0;
  for (c : 0 .. CHILDREN - 1) {
    if
    :: child[c] == blocked && told -> seen = seen | (1 << c)
    :: else
    fi
  };
  c = 0;
  printf("process %d sees the children %d (a bit each)\n", _pid, seen)
}

/* Locks what was seen, from child `first` on, in order. Rows that are gone by then are left out. */
inline lock_children(seen, locked, first, end) {
  c = first;
  do
  :: c < end && BIT(seen, c) ->
     atomic {
       !held[c] ->
       if
       :: child[c] == blocked -> held[c] = true; locked = locked | (1 << c)
       :: else
       fi;
       c++
     }
  :: c < end && !BIT(seen, c) -> c++
  :: c >= end -> break
  od;
  c = 0
}

inline give_back(locked) {
  for (c : 0 .. CHILDREN - 1) {
    if
    :: BIT(locked, c) -> held[c] = false
    :: else
    fi
  };
  c = 0
}

/* unblock.sql, the part that writes */
inline lower_all(p, locked) {
  for (c : 0 .. CHILDREN - 1) {
    if
    :: BIT(locked, c) -> lower(p, c); look_at(c); held[c] = false
    :: else
    fi
  };
  c = 0
}

/* ---- settle.sql for one parent ---- */
proctype settle(byte p) {
  byte c, seen, locked;
again:
#ifdef ONE_STATEMENT
  atomic { see_children(seen, BIT(counted[c], p)) };
#endif
  atomic { !exclusive[p] && shared[p] == 0 -> exclusive[p] = true; printf("parent %d is locked to settle it\n", p) };
  if
  :: atomic {
       failures < FAILURES_MAX ->
       failures++;
       parent[p] = failed;
       exclusive[p] = false;
       seen = 0;
       printf("parent %d fails\n", p)
     };
     atomic { parent[p] == live };      /* an operator has retried it */
     goto again
  :: true
  fi;

#ifdef WORK_LIST
  if
  :: atomic {                           /* many children */
       parent[p] = completed;
       exclusive[p] = false;
#ifndef ITEM_LATER
       item[p] = true;
#endif
       printf("parent %d is completed, its children are put on the list\n", p)
     };
#ifdef ITEM_LATER
     if
     :: atomic { item[p] = true }
     :: atomic { printf("a crash before the list is written\n") }
     fi;
#endif
     goto done
  :: true
  fi;
#endif

#if defined(CLIENT_COUNTER)
  byte was[CHILDREN];
  atomic {
    see_children(seen, BIT(counted[c], p));
    for (c : 0 .. CHILDREN - 1) { was[c] = remaining[c] };
    c = 0
  };
  atomic {
    parent[p] = completed;
    exclusive[p] = false;
    for (c : 0 .. CHILDREN - 1) {
      if
      :: BIT(seen, c) && child[c] == blocked -> lower(p, c); remaining[c] = was[c] - 1; look_at(c)
      :: else
      fi
    }
  };
#elif defined(NO_UNFINISHED_PARENT)
  bool last;
  atomic { see_children(seen, BIT(counted[c], p)); last = (parent[1 - p] == completed) };
  atomic {
    parent[p] = completed;
    exclusive[p] = false;
    for (c : 0 .. CHILDREN - 1) {
      if
      :: BIT(seen, c) && last && child[c] == blocked -> remaining[c] = 0; look_at(c)
      :: else
      fi
    }
  };
#else
#ifndef ONE_STATEMENT
  atomic { see_children(seen, BIT(counted[c], p)) };
#endif
#ifdef UNORDERED
  if
  :: p == 1 ->
     lock_children(seen, locked, 1, 2);
     lock_children(seen, locked, 0, 1)
  :: else -> lock_children(seen, locked, 0, 2)
  fi;
#else
  lock_children(seen, locked, 0, CHILDREN);
#endif
  atomic {
    parent[p] = completed;
    exclusive[p] = false;
    printf("parent %d is completed\n", p);
    lower_all(p, locked);
    seen = 0;
    locked = 0
  };
#endif
done:
  skip
}

/* ---- settle.sql for both parents in one batch ---- */
proctype settle_batch() {
  byte c, seen, locked;
  atomic { !exclusive[0] && shared[0] == 0 -> exclusive[0] = true };
  atomic { !exclusive[1] && shared[1] == 0 -> exclusive[1] = true };
  atomic { see_children(seen, true) };
  lock_children(seen, locked, 0, CHILDREN);
  atomic {
    parent[0] = completed;
    parent[1] = completed;
    exclusive[0] = false;
    exclusive[1] = false;
    printf("both parents are completed\n");
    for (c : 0 .. CHILDREN - 1) {
      if
      :: BIT(locked, c) ->
         lower(0, c);
#ifdef NO_GROUP_BY
         awaits[c] = 0;                 /* one row is updated once, however many edges match */
#else
         lower(1, c);
#endif
         look_at(c);
         held[c] = false
      :: else
      fi
    };
    c = 0;
    seen = 0;
    locked = 0
  }
}

/* ---- the list: whoever retries locks the items, as they say whether an edge is still to come ---- */
inline lock_items() {
#if defined(WORK_LIST) && !defined(ITEMS_NOT_LOCKED)
  atomic { !taken[0] -> taken[0] = item[0]; mine = item[0] };
  atomic { !taken[1] -> taken[1] = item[1]; mine = mine | (item[1] << 1) }
#else
  skip
#endif
}
inline unlock_items() {
#if defined(WORK_LIST) && !defined(ITEMS_NOT_LOCKED)
  taken[0] = taken[0] && !BIT(mine, 0);
  taken[1] = taken[1] && !BIT(mine, 1)
#else
  skip
#endif
}

/* ---- submit.sql ---- */
proctype submit() {
  byte waits;
#ifndef NO_PARENT_LOCK
  atomic { !exclusive[0] -> shared[0]++ };
  atomic { !exclusive[1] -> shared[1]++ };
#endif
  atomic {                              /* edges to completed parents are for the record: nothing will count them */
    waits = (parent[0] != completed) | ((parent[1] != completed) << 1);
    printf("submit counts the parents that are to come\n")
  };
  atomic {
    counted[LATE] = waits;
    enter(LATE, waits);
#ifndef NO_PARENT_LOCK
    shared[0]--;
    shared[1]--;
#endif
    waits = 0
  }
}

/* ---- cancel.sql and retry.sql for a child, retry.sql for a parent ---- */
proctype operator(byte c) {
  byte waits, mine;
end_waiting:
  do
  :: atomic {
       child[c] == blocked && !held[c] && cancels < CANCELS_MAX ->
       cancels++;
       child[c] = cancelled;
       remaining[c] = 0;
       awaits[c] = 0;
       printf("child %d is cancelled\n", c)
     };
#ifdef RETRY_OLD_SNAPSHOT
     atomic {
       waits = TO_COME_AT_RETRY(0, c) | (TO_COME_AT_RETRY(1, c) << 1);
       printf("retry counts the parents that are to come\n")
     };
#endif
#ifndef RETRY_WITHOUT_LOCK
     atomic { !exclusive[0] && shared[0] == 0 -> exclusive[0] = true };
     atomic { !exclusive[1] && shared[1] == 0 -> exclusive[1] = true };
#endif
     lock_items();
#ifndef RETRY_OLD_SNAPSHOT
     atomic {
       waits = TO_COME_AT_RETRY(0, c) | (TO_COME_AT_RETRY(1, c) << 1);
       printf("retry counts the parents that are to come\n")
     };
#endif
     atomic {
       printf("child %d is retried\n", c);
       enter(c, waits);
       unlock_items();
#ifndef RETRY_WITHOUT_LOCK
       exclusive[0] = false;
       exclusive[1] = false;
#endif
       waits = 0;
       mine = 0
     }
  od
}
proctype retry_parent(byte p) {
end_waiting:
  do
  :: atomic {
       parent[p] == failed && !exclusive[p] && shared[p] == 0 ->
       parent[p] = live;
       printf("parent %d is retried\n", p)
     }
  od
}

/* ---- cascade.sql: what it finds would be a bug elsewhere, so it must find nothing ---- */
proctype net(byte c) {
  byte unfinished;
end_waiting:
  do
  :: atomic {
       child[c] == blocked && !held[c] ->
#ifdef NET_OLD_SNAPSHOT
       unfinished = TO_COME_FOR_NET(0, c) + TO_COME_FOR_NET(1, c)
     };
     atomic {
       child[c] == blocked && !held[c] ->
       held[c] = true
     };
#else
       held[c] = true
     };
     atomic { unfinished = TO_COME_FOR_NET(0, c) + TO_COME_FOR_NET(1, c) };
#endif
     atomic {
       printf("child %d has %d parents to come and the net derives %d\n", c, remaining[c], unfinished);
       MUST(unfinished == remaining[c], "the net finds nothing");
       unfinished = 0;
       held[c] = false
     }
  od
}

/* ---- a cascade actor: takes a batch from the list in one transaction ---- */
#ifdef WORK_LIST
inline record_progress() {
  next[p] = end;
  item[p] = (end < CHILDREN)
}
proctype cascade() {
  byte p, c, seen, locked, start, end;
end_idle:
#ifdef BATCH_OLD_SNAPSHOT
  if
  :: atomic { item[0] -> p = 0; see_children(seen, TOLD_BY(p, c)) };
     atomic { item[0] && !taken[0] -> taken[0] = true; start = next[0] }
  :: atomic { item[1] -> p = 1; see_children(seen, TOLD_BY(p, c)) };
     atomic { item[1] && !taken[1] -> taken[1] = true; start = next[1] }
  fi;
#else
  if
#ifdef ITEM_NOT_LOCKED
  :: atomic { item[0] -> p = 0; start = next[0] }
  :: atomic { item[1] -> p = 1; start = next[1] }
#else
  :: atomic { item[0] && !taken[0] -> p = 0; taken[0] = true; start = next[0] }
  :: atomic { item[1] && !taken[1] -> p = 1; taken[1] = true; start = next[1] }
#endif
  fi;
#endif
  atomic {
    end = start + 1;
    do
    :: end < CHILDREN -> end++
    :: true -> break
    od;
#ifndef BATCH_OLD_SNAPSHOT
    see_children(seen, TOLD_BY(p, c))
#endif
  };
  lock_children(seen, locked, start, end);
  if
#if defined(PROGRESS_LATER)
  :: atomic { lower_all(p, locked); locked = 0; taken[p] = false };
     if
     :: atomic { record_progress() }
     :: atomic { printf("a crash before the progress is written\n") }
     fi
#elif defined(PROGRESS_EARLY)
  :: atomic { record_progress(); give_back(locked); taken[p] = false };
     if
     :: atomic { lower_all(p, locked) }
     :: atomic { printf("a crash after the progress is written\n") }
     fi
#else
  :: atomic {
       printf("children %d to %d of parent %d are told\n", start, end - 1, p);
       lower_all(p, locked);
       record_progress();
       taken[p] = false
     }
#endif
  :: atomic {
       printf("a crash in the middle of a batch\n");
       give_back(locked);
       taken[p] = false
     }
  fi;
  atomic { p = 0; seen = 0; locked = 0; start = 0; end = 0 };
  goto end_idle
}
#endif

/* Nothing can move any more: then nobody is stranded. */
proctype the_end() {
  byte c;
  timeout ->
  MUST(parent[0] == completed && parent[1] == completed, "nobody waits for a lock for ever");
  for (c : 0 .. CHILDREN - 1) {
    MUST(child[c] == ready, "no child is stranded")
  }
}

init {
  byte i;
  atomic {
    for (i : 0 .. CHILDREN - 1) {
      child[i] = (i == LATE -> nowhere : blocked);
      remaining[i] = (i == LATE -> 0 : 2);
      awaits[i] = (i == LATE -> 0 : 3);
      counted[i] = (i == LATE -> 0 : 3)
    };
    parent[0] = live;
    parent[1] = live;
#ifdef BATCH
    run settle_batch();
#else
    run settle(0);
    run settle(1);
#endif
    run submit();
#if CANCELS_MAX > 0
    run operator(0);
#endif
#if FAILURES_MAX > 0
    run retry_parent(0);
    run retry_parent(1);
#endif
#ifdef NET
    for (i : 0 .. CHILDREN - 1) { run net(i) }
#endif
#ifdef WORK_LIST
    for (i : 1 .. CASCADES) { run cascade() }
#endif
    run the_end()
  }
}
