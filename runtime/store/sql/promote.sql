-- $1 limit integer. Returns how many tickets became ready.
SELECT swarm.promote($1);
