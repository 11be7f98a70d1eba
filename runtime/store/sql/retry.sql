-- $1 ticket bigint, $2 the only reason of a failure that it is revived for text, or NULL. Returns 'revived_ready' or
-- 'revived_blocked', else why it wasn't revived.
SELECT swarm.retry($1, $2);
