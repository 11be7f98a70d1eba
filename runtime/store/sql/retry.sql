-- $1 ticket bigint. Returns 'revived_ready' or 'revived_blocked', else why it wasn't revived.
SELECT swarm.retry($1);
