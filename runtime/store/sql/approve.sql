-- $1 ticket bigint, $2 by text, $3 note text or NULL. Returns 'completed', or why not: 'not_found' or 'is ' and its state.
SELECT swarm.approve($1, $2, $3);
