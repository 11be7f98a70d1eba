-- $1 ticket bigint, $2 by text, $3 why text. Returns 'attempt_failed' or 'failed', or why not: 'not_found' or 'is ' and
-- its state.
SELECT swarm.reject($1, $2, $3);
