-- $1 ticket bigint. Returns 'done' or 'requested', else why it can't be cancelled.
SELECT swarm.cancel($1);
