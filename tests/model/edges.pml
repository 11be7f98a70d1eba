/* What the end of a parent means for its children, by the policy of each edge: block, cancel or ignore. Parent 0 fails,
 * is retried, and completes in the end or not; a second parent, which all edges to block on, completes meanwhile.
 * Cascade actors bring the news to the children in slices, from a durable list, and crash at any step.
 *
 * A step is a statement under READ COMMITTED, as in dependents.pml: it sees what was committed when it began, and what
 * a transaction writes is kept by its process until it commits, in one step.
 *
 * Lock order: tickets by number, then edges, then rows in `blocked`. Parents are older than their children; with
 * YOUNG_PARENTS they are younger, as add_dependency.sql allows.
 *
 * Switches for what takes part have a default below; all others make the protocol wrong, and variants.txt says how.
 */
#ifndef FAILURES_MAX            /* bounds the search, as the next one */
#define FAILURES_MAX 1
#endif
#ifndef CANCELS_MAX
#define CANCELS_MAX 0
#endif
#ifndef CASCADES
#define CASCADES 1
#endif

#ifndef PARENTS                 /* 1: the second one is completed already, and no edge counts it */
#define PARENTS 2
#endif

#define BLOCK 0                         /* the children, by the policies of their edges to parent 0 */
#define IGNORE 1
#define CANCEL 2
#define CHILDREN 3
#define PIECES (FAILURES_MAX + 1)

/* What must be true, by a name that a counterexample ends with and variants.txt refers to. */
#define MUST(condition, name) \
  if :: (condition) :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) fi

mtype = { live, completed, failed,              /* parents */
          blocked, ready, cancelled };          /* children */

/* Committed rows and their locks. */
mtype parent[2];                        /* tickets */
bool exclusive[2];                      /* FOR UPDATE, or an update that isn't committed */
byte shared[2];                         /* FOR SHARE */
mtype child[CHILDREN];
bool child_held[CHILDREN];              /* the row in `tickets` */
byte remaining[CHILDREN];               /* blocked */
bool held[CHILDREN];                    /* the row in `blocked` */
bool counted[CHILDREN];                 /* dependencies: of the edge to parent 0 */
bool edge_held;                         /* the row of the edge that ignores */
mtype ending[PIECES];                   /* cascade_work, in order: completed, failed, or 0 when the piece is gone */
byte after[PIECES];                     /* children below this one have been told */
bool taken[PIECES];
byte pieces;

/* Stored nowhere: a bit per parent that the child still waits to hear of. */
byte awaits[CHILDREN];
bool let_go;                            /* a failure was ignored by the child that ignores */
bool overridden;                        /* an operator wants the child that was cancelled after all */
byte failures, cancels;

#define BIT(set, i) (((set) >> (i)) & 1)

#ifdef IGNORED_IS_COUNTED
#define COUNTED(c) true
#else
#define COUNTED(c) counted[c]
#endif

/* open_parents.sql */
#define ON_LIST(i, c) (ending[i] == completed && after[i] <= c)
#define TO_COME(c) (counted[c] && (parent[0] != completed || ON_LIST(0, c) || ON_LIST(PIECES - 1, c) || ON_LIST(1, c)))

inline add_piece(end) {
  ending[pieces] = end;
  pieces++
}

/* ---- lower.sql: sees and locks the counters of a set of children, and writes them when it commits ---- */
inline see_blocked(set) {
  for (c : 0 .. CHILDREN - 1) {
    if
    :: BIT(set, c) && child[c] != blocked -> set = set & ~(1 << c)
    :: else
    fi
  };
  c = 0
}
inline lock_blocked(set) {
  c = 0;
  do
  :: c < CHILDREN && BIT(set, c) ->
     atomic {
       !held[c] ->
       if
       :: child[c] == blocked -> held[c] = true
       :: else -> set = set & ~(1 << c)
       fi;
       c++
     }
  :: c < CHILDREN && !BIT(set, c) -> c++
  :: c >= CHILDREN -> break
  od;
  c = 0
}
inline lower(set, p) {
  for (c : 0 .. CHILDREN - 1) {
    if
    :: BIT(set, c) ->
       printf("parent %d is counted at child %d\n", p, c);
       MUST(BIT(awaits[c], p), "each edge is counted once");
       awaits[c] = awaits[c] & ~(1 << p);
       remaining[c]--;
       held[c] = false;
       if
       :: remaining[c] == 0 ->
          printf("child %d is ready\n", c);
          MUST(parent[1] == completed && (parent[0] == completed || (c == IGNORE && let_go)),
               "no child is ready before its edges allow it");
          child[c] = ready
       :: else
       fi
    :: else
    fi
  };
  c = 0;
  set = 0
}
inline give_back(set) {
  for (c : 0 .. CHILDREN - 1) {
    if
    :: BIT(set, c) -> held[c] = false
    :: else
    fi
  };
  c = 0;
  set = 0
}

/* ---- settle.sql, unblock.sql, closed.sql ---- */
proctype settle(byte p) {
  byte c, set;
again:
  atomic { !exclusive[p] && shared[p] == 0 -> exclusive[p] = true };
  if
  :: atomic {
       p == 0 && failures < FAILURES_MAX ->
       failures++;
       parent[0] = failed;
       exclusive[0] = false;
       printf("parent 0 fails\n");
#ifndef WORK_LATER
       add_piece(failed)
#endif
     };
#ifdef WORK_LATER
     if
     :: atomic { add_piece(failed) }
     :: atomic { printf("a crash before the list is written\n") }
     fi;
#endif
end_failed:
     atomic { parent[0] == live };      /* an operator has retried it */
     goto again
  :: atomic {                           /* many children: they are left to the list */
       p == 0 ->
       parent[0] = completed;
       exclusive[0] = false;
       add_piece(completed);
       printf("parent 0 is completed, its children are put on the list\n")
     }
  :: atomic {
       for (c : 0 .. CHILDREN - 1) {
         if
         :: p == 1 || COUNTED(c) -> set = set | (1 << c)
         :: else
         fi
       }
     };
     atomic { see_blocked(set) };
     lock_blocked(set);
     atomic {
       parent[p] = completed;
       exclusive[p] = false;
       printf("parent %d is completed\n", p);
       lower(set, p)
     }
  fi
}

/* ---- retry.sql for the parent, under the same number; or never ---- */
proctype retry_parent() {
end_waiting:
  do
  :: atomic {
       parent[0] == failed && !exclusive[0] && shared[0] == 0 ->
       parent[0] = live;
       printf("parent 0 is retried\n")
     }
  :: true -> break
  od
}

/* ---- propagate.sql ---- */
inline move_cursor() {
  after[i] = end;
  taken[i] = false;
  if
  :: end == CHILDREN -> ending[i] = 0; after[i] = 0
  :: else
  fi
}
inline lock_doomed() {
  if
  :: atomic { BIT(slice, CANCEL) && child[CANCEL] == blocked };
     atomic { !child_held[CANCEL] -> child_held[CANCEL] = true; doomed = true }
  :: atomic { !BIT(slice, CANCEL) || child[CANCEL] != blocked }
  fi
}
inline lock_parent() {
#ifdef STATE_WITHOUT_LOCK
  atomic { is_failed = (parent[0] == failed) }
#elif defined(STATE_NOT_READ)
  atomic { is_failed = true }
#else
  atomic { !exclusive[0] -> shared[0]++; is_shared = true; is_failed = (parent[0] == failed) }
#endif
}
inline unlock_all() {
  if
  :: is_shared -> shared[0]--; is_shared = false
  :: else
  fi;
  if
  :: doomed -> child_held[CANCEL] = false; doomed = false
  :: else
  fi;
  if
  :: ignored -> edge_held = false; ignored = false
  :: else
  fi;
  is_failed = false; kind = 0; i = 0; start = 0; end = 0; slice = 0
}
proctype cascade() {
  byte i, c, start, end, slice, set;
  mtype kind;
  bool is_shared, is_failed, doomed, ignored, struck;
end_idle:
  if
  :: atomic { ending[0] != 0 && !taken[0] -> i = 0; taken[0] = true }
#if FAILURES_MAX > 0
  :: atomic { (ending[0] == 0 || taken[0]) && ending[1] != 0 && !taken[1] -> i = 1; taken[1] = true }
#endif
#if FAILURES_MAX > 1
  :: atomic { (ending[0] == 0 || taken[0]) && (ending[1] == 0 || taken[1]) && ending[2] != 0 && !taken[2] ->
       i = 2; taken[2] = true }
#endif
  fi;
  atomic {                              /* a slice: one child, or all that are left */
    start = after[i];
    kind = ending[i];
    if
    :: end = start + 1
    :: end = CHILDREN
    fi;
    for (c : start .. end - 1) { slice = slice | (1 << c) };
    c = 0;
    printf("the end of parent 0 as %e is brought to children %d to %d\n", kind, start, end - 1)
  };
#ifdef CURSOR_FIRST
  atomic { move_cursor() };
#endif
  if
  :: atomic { kind == completed ->
       for (c : 0 .. CHILDREN - 1) {
         if
         :: BIT(slice, c) && COUNTED(c) -> set = set | (1 << c)
         :: else
         fi
       };
       c = 0
     }
  :: atomic { kind != completed };
#if defined(YOUNG_PARENTS) && !defined(PARENT_FIRST)
     lock_doomed();
     lock_parent();
#else
     lock_parent();
     if
     :: is_failed -> lock_doomed()
     :: else
     fi;
#endif
     if
     :: atomic { !is_failed -> slice = 0 }      /* retried meanwhile: this is no news any more */
     :: atomic { is_failed }
     fi;
#ifdef STRIKE_FIRST
     if
     :: atomic { doomed && is_failed && !held[CANCEL] ->
          if
          :: child[CANCEL] == blocked -> held[CANCEL] = true; struck = true
          :: else
          fi }
     :: atomic { !(doomed && is_failed) }
     fi;
#endif
#if defined(UNCOUNT_IN_TWO_STEPS)
     if
     :: atomic { BIT(slice, IGNORE) && counted[IGNORE] -> set = 1 << IGNORE };
        atomic { !edge_held -> edge_held = true; ignored = true }
     :: atomic { !(BIT(slice, IGNORE) && counted[IGNORE]) }
     fi
#elif defined(RELEASED_EACH_TIME)
     set = slice & (1 << IGNORE)
#elif defined(BLOCK_IS_IGNORED)
     set = slice & ((1 << IGNORE) | (1 << BLOCK))
#else
     if
     :: atomic { BIT(slice, IGNORE) && !edge_held ->            /* UPDATE ... WHERE counted RETURNING child_id */
          if
          :: counted[IGNORE] -> edge_held = true; ignored = true; set = 1 << IGNORE
          :: else
          fi }
     :: atomic { !BIT(slice, IGNORE) }
     fi
#endif
  fi;
#ifndef STRIKE_FIRST
  /* Those that are to be cancelled are locked with those that are let go, or the order would be lost. */
  if
  :: atomic { doomed && is_failed -> set = set | (1 << CANCEL) }
  :: atomic { !(doomed && is_failed) }
  fi;
#endif
  atomic { see_blocked(set) };
  lock_blocked(set);
  if
  :: atomic {
#ifndef STRIKE_FIRST
       struck = kind == failed && BIT(set, CANCEL);
       set = (struck -> set & ~(1 << CANCEL) : set);
#endif
       if
       :: struck ->
          printf("child %d is cancelled\n", CANCEL);
          MUST(parent[0] == failed, "a child is cancelled for a parent that has failed");
          child[CANCEL] = cancelled;
          remaining[CANCEL] = 0;
          awaits[CANCEL] = 0;
          held[CANCEL] = false;
          struck = false
       :: else
       fi;
       if
       :: ignored -> MUST(counted[IGNORE], "each edge is counted once"); counted[IGNORE] = false
       :: else
       fi;
       let_go = let_go || (kind == failed && BIT(set, IGNORE));
       lower(set, 0);
#ifndef CURSOR_FIRST
       move_cursor();
#endif
       unlock_all()
     }
  :: atomic {
       printf("a crash in the middle of a slice\n");
       if
       :: struck -> held[CANCEL] = false; struck = false
       :: else
       fi;
       give_back(set);
#ifndef CURSOR_FIRST
       taken[i] = false;
#endif
       unlock_all()
     }
  fi;
  goto end_idle
}

/* ---- cancel.sql and retry.sql for a child ---- */
#if CANCELS_MAX > 0
inline lock_both_parents() {
  atomic { !exclusive[0] && shared[0] == 0 -> exclusive[0] = true };
  atomic { !exclusive[1] && shared[1] == 0 -> exclusive[1] = true }
}
proctype operator(byte c) {
  byte waits, mine, i;
end_waiting:
  do
  :: atomic { child[c] == blocked && !child_held[c] && cancels < CANCELS_MAX -> cancels++; child_held[c] = true };
     atomic {
       !held[c] ->
       if
       :: child[c] == blocked ->
          child[c] = cancelled; remaining[c] = 0; awaits[c] = 0; printf("an operator cancels child %d\n", c)
       :: else
       fi;
       child_held[c] = false
     }
  :: atomic { child[c] == cancelled && cancels > 0 };
#ifdef YOUNG_PARENTS
     atomic { !child_held[c] -> child_held[c] = true };
     lock_both_parents();
#else
     lock_both_parents();
     atomic { !child_held[c] -> child_held[c] = true };
#endif
     for (i : 0 .. PIECES - 1) {        /* how far the list has come must not change while parents are counted */
       if
       :: atomic { ending[i] == completed && !taken[i] -> taken[i] = true; mine = mine | (1 << i) }
       :: atomic { ending[i] != completed }
       fi
     };
     atomic { waits = TO_COME(c) | ((parent[1] != completed) << 1) };
     atomic {
       if
       :: child[c] == cancelled ->
          printf("child %d is retried with %d parents to come\n", c, BIT(waits, 0) + BIT(waits, 1));
          awaits[c] = waits;
          remaining[c] = BIT(waits, 0) + BIT(waits, 1);
          child[c] = (waits == 0 -> ready : blocked);
          overridden = overridden || c == CANCEL
       :: else
       fi;
       for (i : 0 .. PIECES - 1) { taken[i] = taken[i] && !BIT(mine, i) };
       exclusive[0] = false;
       exclusive[1] = false;
       child_held[c] = false;
       waits = 0; mine = 0; i = 0
     };
     break
  od
}
#endif

/* ---- cascade.sql: what it finds would be a bug elsewhere, so it must find nothing ---- */
#ifdef NET
proctype net(byte c) {
end_waiting:
  do
  :: atomic { child[c] == blocked && !held[c] -> held[c] = true };
     atomic {
       MUST(TO_COME(c) + (parent[1] != completed) == remaining[c], "the net finds nothing");
       held[c] = false
     }
  :: true -> break                      /* or it would move for ever where a child stays blocked */
  od
}
#endif

/* Nothing can move any more: then everybody has been told. */
proctype the_end() {
  timeout ->
  MUST(!exclusive[0] && !exclusive[1] && shared[0] == 0 && !child_held[CANCEL], "nobody waits for a lock for ever");
  MUST(parent[1] == completed && parent[0] != live, "nobody waits for a lock for ever");
  MUST(parent[0] == failed || child[BLOCK] == ready, "no child is stranded");
  MUST(parent[0] == completed || (child[BLOCK] == blocked && remaining[BLOCK] == 1), "a child waits for its parent");
  MUST(child[IGNORE] == ready, "no child is stranded");
  MUST(child[CANCEL] != blocked || overridden, "what shall be cancelled is cancelled");
  MUST(pieces == 0 || ending[pieces - 1] == 0, "nothing is left on the list")
}

init {
  byte c;
  atomic {
    parent[0] = live;
    for (c : 0 .. CHILDREN - 1) {
      child[c] = blocked;
      remaining[c] = PARENTS;
      awaits[c] = (1 << PARENTS) - 1;
      counted[c] = true
    };
    run settle(0);
#if PARENTS > 1
    parent[1] = live;
    run settle(1);
#else
    parent[1] = completed;
#endif
    run retry_parent();
    for (c : 1 .. CASCADES) { run cascade() };
#if CANCELS_MAX > 0
    run operator(CANCEL);
    run operator(IGNORE);
#endif
#ifdef NET
    for (c : 0 .. CHILDREN - 1) { run net(c) };
#endif
    run the_end()
  }
}
