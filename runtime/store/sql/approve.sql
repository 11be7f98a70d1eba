-- $1 ticket bigint, $2 by text, $3 note text or NULL, $4 without result boolean. Returns 'completed', or why not:
-- 'not_found', 'is ' and its state, or 'has no result'.
SELECT swarm.approve($1, $2, $3, $4);
