-- $1 ticket bigint. Returns 'released' or 'cancelled' when it was taken away from its worker, else why not.
SELECT swarm.release($1);
